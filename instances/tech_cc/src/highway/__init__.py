"""The highway: what is recorded in the log (L1) reaches consumers, at once through Redis, and always in the end."""
