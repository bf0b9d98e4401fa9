"""How a deployment is set up, and which adapters it has."""
