"""The store, on every backend it has."""
