"""How much a connection asks of PostgreSQL."""

from typing import Any

# What asyncpg's protocol sends and waits for.
ROUND_TRIPS = {"prepare", "bind_execute", "bind_execute_many", "bind", "execute", "query", "close_statement"}


class Counts:
    """How much was asked since the last `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.statements = 0
        self.round_trips = 0


class CountingProtocol:
    """Wraps the protocol of an asyncpg connection and counts the calls that wait for an answer."""

    def __init__(self, protocol: Any, counts: Counts) -> None:
        self._protocol = protocol
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        self._counts.round_trips += name in ROUND_TRIPS
        return getattr(self._protocol, name)
