"""Effects outside of PostgreSQL: a file that says which consumer had which record, and how often it was delivered."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

TABLE = """
CREATE TABLE IF NOT EXISTS effect (consumer TEXT, record_id TEXT, deliveries INT, PRIMARY KEY (consumer, record_id))
"""
# The effect is idempotent: a record that is delivered again changes nothing but the count of its deliveries.
ADD = "INSERT INTO effect VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET deliveries = deliveries + 1"
DELIVERIES = "SELECT record_id, deliveries FROM effect WHERE consumer = ?"


class Ledger:
    """Shared by all processes of a run; a transaction that a kill interrupts leaves nothing."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=20, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")  # the machine does not lose power, its processes do
        self._connection.execute(TABLE)

    def add(self, consumer: str, record_ids: Iterable[UUID]) -> None:
        """Note that the consumer was given these records; all of them or none."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(ADD, [(consumer, str(record_id)) for record_id in record_ids])
        self._connection.execute("COMMIT")

    def deliveries(self, consumer: str) -> dict[UUID, int]:
        """Return how often each record was delivered to the consumer."""
        return {UUID(record_id): count for record_id, count in self._connection.execute(DELIVERIES, [consumer])}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
