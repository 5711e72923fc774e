"""Use cases: the rules of the slice, in the transaction of whoever calls them."""
