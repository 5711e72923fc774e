"""A span for each statement, without the values it was given."""

import re
from functools import lru_cache
from typing import Any, Final, Literal

import logfire
from opentelemetry.trace import StatusCode
from opentelemetry.util.types import AnyValue
from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.ext.asyncio import AsyncEngine

from src.common.tracing import begin_client_span

STATEMENT_LIMIT: Final = 2000
OPEN_SPAN: Final = "open_span"  # in the `info` of a connection, which runs one statement at a time
_TARGET: Final = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+(?:ONLY\s+)?([\w.\"]+)", re.IGNORECASE)


def trace_statements(engine: AsyncEngine, *, tracing: Literal["light", "instrumented", "off"]) -> None:
    """Have each statement of the engine be a span: ours, or those of OpenTelemetry's instrumentation."""
    if tracing == "instrumented":
        # OpenTelemetry's check of versions does not know SQLAlchemy 2.1, with which it works (2026-11).
        logfire.instrument_sqlalchemy(engine=engine, skip_dep_check=True)
    if tracing == "light":
        event.listen(engine.sync_engine, "before_cursor_execute", _begin)
        event.listen(engine.sync_engine, "after_cursor_execute", _end)
        event.listen(engine.sync_engine, "handle_error", _fail)


def _begin(connection: Connection, _cursor: Any, statement: str, *_parameters: Any) -> None:
    name, text = _described(statement)
    attributes: dict[str, AnyValue] = {"db.system.name": "postgresql", "db.query.text": text}
    connection.info[OPEN_SPAN] = begin_client_span(name, attributes)


def _end(connection: Connection, *_rest: Any) -> None:
    if span := connection.info.pop(OPEN_SPAN, None):
        span.end()


def _fail(failure: ExceptionContext) -> None:
    connection = failure.connection
    if connection is not None and (span := connection.info.pop(OPEN_SPAN, None)):
        span.set_status(StatusCode.ERROR, type(failure.original_exception).__name__)
        span.end()


@lru_cache(maxsize=1024)
def _described(statement: str) -> tuple[str, str]:
    """Return what the statement does to what, as `INSERT cc.modules`, and its text, cut off where it is long."""
    verb = statement.split(maxsplit=1)[0].upper() if statement.strip() else "SQL"
    target = _TARGET.search(statement)
    return f"{verb} {target.group(1)}" if target else verb, statement[:STATEMENT_LIMIT]
