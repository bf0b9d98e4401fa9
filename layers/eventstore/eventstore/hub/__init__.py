"""The composition root, the settings of a deployment, and operations on the whole store."""
