"""Find records of a log by type, request or caller; the newest first, and no further back than asked."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Select, String, Uuid, bindparam, column, func, literal, select, table
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from src.db.autocommit import AnySession
from src.l1.entries import Log

CONTENT_SHOWN = 2000
LAST_ID = UUID(int=2**128 - 1)


class LogQuery(BaseModel):
    """Which records: those that match every filter that is not None.

    Attributes:
        hours: How far back to look.
        limit: Records on a page.
        before: `next_before` of the page before.
    """

    event_type: str | None = None
    request_id: str | None = None
    subject: str | None = None
    hours: int
    limit: int
    before: UUID | None = None


class FoundRecord(BaseModel):
    """A record; `events` are `{event_type, payload}`, `prompts` are `{role, content}` with shortened contents."""

    id: UUID
    timestamp: datetime
    request_id: str | None
    trace_id: str | None
    subject: str | None
    events: list[dict[str, Any]]
    prompts: list[dict[str, Any]]


class FoundRecords(BaseModel):
    """Records, newest first; `next_before` is the `before` of the next page, null on the last one."""

    items: list[FoundRecord]
    next_before: UUID | None


async def search_log(session: AnySession, log: Log, query: LogQuery) -> FoundRecords:
    """Return a page of the records that match every filter of the query, newest first."""
    filters = query.model_dump(include={"event_type", "request_id", "subject"}, exclude_none=True)
    values = {
        **filters,
        "oldest": first_id(datetime.now(UTC) - timedelta(hours=query.hours)),
        "before": query.before or LAST_ID,
        "limit": query.limit + 1,
    }
    rows = (await session.execute(_search(log, *filters), values)).all()
    items = [FoundRecord.model_validate(row, from_attributes=True) for row in rows[: query.limit]]
    return FoundRecords(items=items, next_before=items[-1].id if len(rows) > query.limit else None)


def first_id(moment: datetime) -> UUID:
    """Return a UUID v7 that is not after any of this moment, so that the primary key's index finds the place."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


@cache
def _search(log: Log, *filters: str) -> Select[Any]:
    """Return the statement with these filters."""
    base = table(
        "base_log",
        *[column(name, String) for name in ("request_id", "trace_id", "subject", "timestamp")],
        column("id", Uuid),
        schema=log.schema,
    )
    events = _linked("event_log", log, "event_type", "payload")
    prompts = _linked("prompt_trace", log, "role", "content")
    found = select(base).where(base.c.id >= bindparam("oldest"), base.c.id < bindparam("before"))
    for name in filters:
        if name == "event_type":
            is_of_type = (events.c.base_log_id == base.c.id) & (events.c.event_type == bindparam("event_type"))
            found = found.where(select(literal(1)).select_from(events).where(is_of_type).exists())
        else:
            found = found.where(base.c[name] == bindparam(name))
    page = found.order_by(base.c.id.desc()).limit(bindparam("limit")).subquery()
    return select(
        page,
        _gathered(events, page.c.id, event_type=events.c.event_type, payload=events.c.payload).label("events"),
        _gathered(prompts, page.c.id, role=prompts.c.role, content=func.left(prompts.c.content, CONTENT_SHOWN)).label(
            "prompts"
        ),
    ).order_by(page.c.id.desc())


def _linked(name: str, log: Log, *columns: str) -> Any:
    return table(name, column("base_log_id", Uuid), column("position"), *map(column, columns), schema=log.schema)


def _gathered(source: Any, record_id: Any, **members: Any) -> Any:
    """Return the linked rows of a record as one JSON array, in their order."""
    pairs = [part for name, value in members.items() for part in (literal(name, String), value)]
    array = func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*pairs), source.c.position))
    gathered = select(array).where(source.c.base_log_id == record_id).scalar_subquery()
    return func.coalesce(gathered, func.jsonb_build_array(), type_=JSONB)
