"""Use cases of the slice."""
