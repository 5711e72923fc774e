"""Use cases: the rules of the slice, in the transaction of their caller."""
