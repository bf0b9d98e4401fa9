"""The archive: the events of each partition as sealed segments in object storage, listed by a manifest."""
