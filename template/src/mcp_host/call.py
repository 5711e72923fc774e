"""One call of a tool or a resource: its session, its record in the log, and what its errors become."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from src.common.config import Settings
from src.common.tracing import span
from src.db.autocommit import AnySession
from src.db.connection import Database
from src.db.unavailable import outages_refused
from src.graph.queries import GraphQueries
from src.highway.control import Control
from src.highway.subscriber import AnySubscriber
from src.l1.entries import Event, Log
from src.l1.record import write_record

TOOL_CALLED: Final = "tool.called"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleHost:
    """What the calls of one module share."""

    module: str
    label: str
    package: str  # of the folders `tools` and `resources`
    log: Log
    subscribers: Sequence[AnySubscriber]
    settings: Settings
    database: Database
    graph: GraphQueries | None  # None: the service has no graph

    @property
    def control(self) -> Control:
        """The consumers of the module's log."""
        subscribers = [(self.log, subscriber) for subscriber in self.subscribers]
        return Control(self.settings, self.database, logs=[self.log], subscribers=subscribers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a tool or a resource is given beside its arguments. `context` is the SDK's, to report progress."""

    session: AnySession
    host: ModuleHost
    context: Any = None


@asynccontextmanager
async def reading(host: ModuleHost, context: Any = None) -> AsyncIterator[Call]:
    """Yield a call that reads: each statement is a transaction of its own, as in a `ReadSession` of a route."""
    yield Call(session=host.database.autocommit, host=host, context=context)


@asynccontextmanager
async def changing(host: ModuleHost, tool: str, context: Any = None) -> AsyncIterator[Call]:
    """Yield a call in one transaction, which also holds the record that the tool was called.

    The record has no arguments, because they may hold secrets. An exception rolls both back.
    """
    with outages_refused(), span("transaction", layer="api"):
        async with host.database.sessions() as session, session.begin():
            yield Call(session=session, host=host, context=context)
            await write_record(session, host.log, [Event(TOOL_CALLED, {"tool": tool})])
