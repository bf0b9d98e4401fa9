"""Frames: the messages that clients receive, how events become frames, and how much a turn may send."""
