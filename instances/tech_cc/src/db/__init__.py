"""The database core: one base, one engine, one transaction a request."""
