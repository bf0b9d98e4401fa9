"""The composition root, how a deployment is set up, and what concerns the store as a whole."""
