"""The graph of all modules (L2)."""
