"""What `/metrics` reports: a small registry, its text form, and the metrics of the server."""
