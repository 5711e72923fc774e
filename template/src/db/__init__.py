"""The database core: one base, one engine, a transaction or single statements for a request."""
