"""Writing: publishing events, and creating, configuring and deleting streams."""
