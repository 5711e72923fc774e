"""A span for each SQL statement, without the values of its parameters."""

import re
from functools import lru_cache
from typing import Any, Final

from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.ext.asyncio import AsyncEngine

from src.common.config import Tracing
from src.common.tracing import start_span

STATEMENT_LIMIT: Final = 2000
OPEN_SPAN: Final = "open_span"  # in the `info` of a connection, which runs one statement at a time
_TARGET: Final = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+(?:ONLY\s+)?([\w.\"]+)", re.IGNORECASE)


def trace_statements(engine: AsyncEngine, *, tracing: Tracing) -> None:
    """Make each statement of the engine a span: ours, or Logfire's."""
    if tracing == "off":
        return
    if tracing == "logfire":
        import logfire  # noqa: PLC0415  # takes a fifth of the start

        # OpenTelemetry's version check rejects SQLAlchemy 2.1, with which it works (2026-11).
        logfire.instrument_sqlalchemy(engine=engine, skip_dep_check=True)
        return
    event.listen(engine.sync_engine, "before_cursor_execute", _start)
    event.listen(engine.sync_engine, "after_cursor_execute", _end)
    event.listen(engine.sync_engine, "handle_error", _fail)


def _start(connection: Connection, _cursor: Any, statement: str, *_parameters: Any) -> None:
    name, attributes = _described(statement)
    connection.info[OPEN_SPAN] = start_span(name, SpanKind.CLIENT, attributes)


def _end(connection: Connection, *_rest: Any) -> None:
    if span := connection.info.pop(OPEN_SPAN, None):
        span.end()


def _fail(failure: ExceptionContext) -> None:
    connection = failure.connection
    if connection is not None and (span := connection.info.pop(OPEN_SPAN, None)):
        span.set_status(StatusCode.ERROR, type(failure.original_exception).__name__)
        span.end()


@lru_cache(maxsize=1024)
def _described(statement: str) -> tuple[str, dict[str, Any]]:
    """Return a name such as `INSERT cc.modules`, and the attributes of the span."""
    verb = statement.split(maxsplit=1)[0].upper() if statement.strip() else "SQL"
    target = _TARGET.search(statement)
    attributes = {"layer": "service", "db.system.name": "postgresql", "db.query.text": statement[:STATEMENT_LIMIT]}
    return f"{verb} {target.group(1)}" if target else verb, attributes
