"""SQL of the slice, and nothing else: statements that are built once, and functions that execute them.

A change of `modules` and its record in L1 are one statement (`recorded`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, Row, Select, bindparam, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from src.db.autocommit import AnySession
from src.db.base import is_in_version, parameters, table_of
from src.l1.recorded_change import new_id, recorded

from .mem0_models import LOG, ScratchNote
from .models import HealthStatus, Module

type Versions = list[datetime] | None  # the times of change that `If-Match` allows; None allows all

FIRST = UUID(int=0)  # before every id

MODULES = table_of(Module)
INSERT_MODULE = recorded(
    insert(MODULES)
    .values(id=new_id(), **parameters("name", "version", "description", "is_active"))
    .on_conflict_do_nothing(index_elements=[MODULES.c.name])
    .returning(*MODULES.c),
    LOG,
    "module.created",
    columns=["id", "name", "version", "description", "is_active"],
)
NEW_ENTRY = insert(MODULES).values(id=new_id(), is_active=True, **parameters("name", "version"))
REGISTER_MODULE = recorded(
    NEW_ENTRY.on_conflict_do_update(
        index_elements=[MODULES.c.name],
        set_={"version": NEW_ENTRY.excluded.version, "updated_at": func.now()},
        where=MODULES.c.version != NEW_ENTRY.excluded.version,
    ).returning(*MODULES.c),
    LOG,
    "module.registered",
    columns=["id", "name", "version", "description", "is_active"],
)
IS_THE_MODULE = MODULES.c.id == bindparam("module_id")
GET_MODULE = select(MODULES).where(IS_THE_MODULE)
# What a list can be sorted by; an index stands behind each, and behind each filter.
SORTS: Final[dict[str, ColumnElement[Any]]] = {"created_at": MODULES.c.id, "name": MODULES.c.name}
DELETE_MODULE = recorded(
    delete(MODULES).where(IS_THE_MODULE, is_in_version(MODULES)).returning(*MODULES.c),
    LOG,
    "module.deleted",
    columns=["id", "name"],
)

REPORTS = table_of(HealthStatus)
WORST_FIRST = case({"unhealthy": 0, "degraded": 1}, value=REPORTS.c.status, else_=2)
NEW_REPORT = insert(REPORTS).values(parameters("component", "status", "detail"))
UPSERT_REPORT = NEW_REPORT.on_conflict_do_update(
    index_elements=[REPORTS.c.component],
    set_={
        "status": NEW_REPORT.excluded.status,
        "detail": NEW_REPORT.excluded.detail,
        "reported_at": func.now(),
        "updated_at": func.now(),
    },
).returning(*REPORTS.c)
GET_REPORT = select(REPORTS).where(REPORTS.c.component == bindparam("component"))
LIST_REPORTS = select(REPORTS).order_by(WORST_FIRST, REPORTS.c.component).limit(bindparam("limit"))
DELETE_REPORT = delete(REPORTS).where(REPORTS.c.component == bindparam("component")).returning(REPORTS.c.id)

NOTES = table_of(ScratchNote)
IS_ALIVE = NOTES.c.expires_at > func.now()
IS_THE_NOTE = NOTES.c.id == bindparam("note_id")
EXPIRY = func.now() + bindparam("lifetime", type_=Interval)
INSERT_NOTE = insert(NOTES).values(parameters("content") | {"expires_at": EXPIRY}).returning(*NOTES.c)
GET_NOTE = select(NOTES).where(IS_THE_NOTE, IS_ALIVE)
LIST_NOTES = (
    select(NOTES).where(NOTES.c.id > bindparam("after"), IS_ALIVE).order_by(NOTES.c.id).limit(bindparam("limit"))
)
UPDATE_NOTE = (
    update(NOTES)
    .where(IS_THE_NOTE, IS_ALIVE, is_in_version(NOTES))
    .values(
        content=func.coalesce(bindparam("content", type_=JSONB(none_as_null=True)), NOTES.c.content),
        expires_at=func.coalesce(EXPIRY, NOTES.c.expires_at),
    )
    .returning(*NOTES.c)
)
DELETE_NOTE = delete(NOTES).where(IS_THE_NOTE, IS_ALIVE, is_in_version(NOTES)).returning(NOTES.c.id)
EXPIRED = select(NOTES.c.id).where(~IS_ALIVE).order_by(NOTES.c.expires_at).limit(bindparam("limit"))
DELETE_EXPIRED = delete(NOTES).where(NOTES.c.id.in_(EXPIRED.with_for_update(skip_locked=True))).returning(NOTES.c.id)


async def insert_module(session: AnySession, **columns: Any) -> Row[Any] | None:
    """Return the new entry, or None where the name is taken."""
    return (await session.execute(INSERT_MODULE, columns)).one_or_none()


async def register_module(session: AnySession, *, name: str, version: str) -> Row[Any] | None:
    """Return the entry where it is new, or has another version than before."""
    return (await session.execute(REGISTER_MODULE, {"name": name, "version": version})).one_or_none()


async def get_module(session: AnySession, *, module_id: UUID) -> Row[Any] | None:
    """Return the entry."""
    return (await session.execute(GET_MODULE, {"module_id": module_id})).one_or_none()


async def list_modules(
    session: AnySession, *, sort: str, after: UUID | str | None, limit: int, filters: dict[str, str]
) -> Sequence[Row[Any]]:
    """Return entries with these values, sorted by a key of `SORTS` (`-` reverses it), after this value of the key."""
    statement = _list_modules(sort, *filters, has_start=after is not None)
    return (await session.execute(statement, {"after": after, "limit": limit, **filters})).all()


async def update_module(
    session: AnySession, *, module_id: UUID, fields: dict[str, Any], versions: Versions
) -> Row[Any] | None:
    """Return the entry with new values in these columns, if it is in one of the versions."""
    values = {"module_id": module_id, "versions": versions, "changed": fields, **fields}
    return (await session.execute(_update_module(*fields), values)).one_or_none()


async def delete_module(session: AnySession, *, module_id: UUID, versions: Versions) -> Row[Any] | None:
    """Return the entry that was deleted, if it was in one of the versions."""
    return (await session.execute(DELETE_MODULE, {"module_id": module_id, "versions": versions})).one_or_none()


async def upsert_health_status(session: AnySession, *, component: str, status: str, detail: str | None) -> Row[Any]:
    """Return the component's report, which replaces its last one."""
    return (await session.execute(UPSERT_REPORT, {"component": component, "status": status, "detail": detail})).one()


async def get_health_status(session: AnySession, *, component: str) -> Row[Any] | None:
    """Return the last report of a component."""
    return (await session.execute(GET_REPORT, {"component": component})).one_or_none()


async def get_system_health(session: AnySession, *, limit: int) -> Sequence[Row[Any]]:
    """Return the reports of all components, worst first, then by name."""
    return (await session.execute(LIST_REPORTS, {"limit": limit})).all()


async def delete_health_status(session: AnySession, *, component: str) -> bool:
    """Return whether the component had a report."""
    return (await session.execute(DELETE_REPORT, {"component": component})).one_or_none() is not None


async def insert_scratch_note(session: AnySession, *, content: dict[str, Any], lifetime: timedelta) -> Row[Any]:
    """Return the new note."""
    return (await session.execute(INSERT_NOTE, {"content": content, "lifetime": lifetime})).one()


async def get_scratch_note(session: AnySession, *, note_id: UUID) -> Row[Any] | None:
    """Return the note unless it has expired."""
    return (await session.execute(GET_NOTE, {"note_id": note_id})).one_or_none()


async def update_scratch_note(
    session: AnySession,
    *,
    note_id: UUID,
    content: dict[str, Any] | None,
    lifetime: timedelta | None,
    versions: Versions,
) -> Row[Any] | None:
    """Return the note with new content, a new lifetime from now, or both, unless it has expired or another version."""
    values = {"note_id": note_id, "content": content, "lifetime": lifetime, "versions": versions}
    return (await session.execute(UPDATE_NOTE, values)).one_or_none()


async def list_scratch_notes(session: AnySession, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Return notes that have not expired, in the order in which they were made, after the note with the id `after`."""
    return (await session.execute(LIST_NOTES, {"after": after or FIRST, "limit": limit})).all()


async def delete_scratch_note(session: AnySession, *, note_id: UUID, versions: Versions) -> bool:
    """Return whether there was such a note in one of the versions; an expired one does not count."""
    values = {"note_id": note_id, "versions": versions}
    return (await session.execute(DELETE_NOTE, values)).one_or_none() is not None


async def delete_expired_scratch_notes(session: AnySession, *, limit: int) -> int:
    """Return how many expired notes were deleted, oldest first, at most `limit`; two purges at once share the work."""
    return len((await session.execute(DELETE_EXPIRED, {"limit": limit})).all())


@cache
def _list_modules(sort: str, *filters: str, has_start: bool) -> Select[Any]:
    """Return the statement for a list that is sorted by this key and compares these columns."""
    column = SORTS[sort.removeprefix("-")]
    after = bindparam("after", type_=column.type)
    order, start = (column.desc(), column < after) if sort.startswith("-") else (column.asc(), column > after)
    statement = select(MODULES).where(*(MODULES.c[name] == bindparam(name) for name in filters))
    return (statement.where(start) if has_start else statement).order_by(order).limit(bindparam("limit"))


@cache
def _update_module(*fields: str) -> Select[Any]:
    """Return the statement that changes these columns."""
    changed = update(MODULES).where(IS_THE_MODULE, is_in_version(MODULES)).values(parameters(*fields))
    return recorded(
        changed.returning(*MODULES.c), LOG, "module.updated", columns=["id", "name"], parameters=["changed"]
    )
