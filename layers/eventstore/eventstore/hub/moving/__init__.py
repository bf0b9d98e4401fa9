"""Moving a store to another backend, or to another place."""
