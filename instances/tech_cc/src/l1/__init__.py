"""L1, the log of record: what happened, in the order of commits, in each module's own schema."""
