"""The console: a page of static files, which reads the hub by its public API alone."""
