"""Reading: pages of one stream or of all, what was removed before a reader came to it, and where to start."""
