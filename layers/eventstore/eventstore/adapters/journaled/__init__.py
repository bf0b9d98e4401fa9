"""The `Log` whose truth is a journal: Redis holds an index of it, and can be lost."""
