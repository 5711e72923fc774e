"""Find records of a log by type, request or caller; the newest first, and no further back than asked."""

from collections.abc import Mapping
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
HOUR_S = 3600


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


async def search_log(
    session: AnySession,
    log: Log,
    *,
    event_type: str | None = None,
    request_id: str | None = None,
    subject: str | None = None,
    hours: int,
    limit: int,
    before: UUID | None = None,
) -> FoundRecords:
    """Return the records that match every filter that is not None.

    Args:
        session: Any session.
        log: The module's log.
        event_type: Records with an event of this type.
        request_id: Records of this request.
        subject: Records of what this caller did.
        hours: How far back to look.
        limit: Records on a page.
        before: `next_before` of the page before.
    """
    oldest = datetime.now(UTC) - timedelta(hours=hours)
    filters = {"event_type": event_type, "request_id": request_id, "subject": subject}
    values: Mapping[str, Any] = {
        **filters,
        "oldest": first_id(oldest),
        "before": before or UUID(int=2**128 - 1),
        "limit": limit + 1,
    }
    statement = _search(log, *[name for name, value in filters.items() if value is not None])
    used = {name: value for name, value in values.items() if value is not None}
    rows = (await session.execute(statement, used)).all()
    items = [FoundRecord.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return FoundRecords(items=items, next_before=items[-1].id if len(rows) > limit else None)


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
