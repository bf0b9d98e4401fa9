"""The ports `Log` and `Turns`, kept in the memory of one process: for tests, and as a second adapter."""
