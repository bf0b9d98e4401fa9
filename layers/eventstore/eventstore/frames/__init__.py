"""Frames: what a client is sent at once, how events become frames, and how much of that a turn may do."""
