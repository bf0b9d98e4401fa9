"""Reading: pages of one stream or of all streams, the gaps that removals leave, and start positions."""
