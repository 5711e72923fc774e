"""The highway delivers the records of the log (L1) to consumers; Redis only makes it faster."""
