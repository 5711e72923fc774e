"""SQL of the slice. An entry and its record in the log are one statement."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from src.db.autocommit import AnySession
from src.db.base import parameters, table_of
from src.l1.recorded_change import new_id, recorded

from .mem0_models import LOG
from .models import Entry

FIRST: Final = UUID(int=0)  # before every id
ENTRIES = table_of(Entry)
INSERT_ENTRY = recorded(
    insert(ENTRIES)
    .values(id=new_id(), **parameters("actor", "action", "target", "details", "recorded_by"))
    .returning(*ENTRIES.c),
    LOG,
    "entry.added",
    columns=["id", "actor", "action", "target"],
)
GET_ENTRY = select(ENTRIES).where(ENTRIES.c.id == bindparam("entry_id"))


async def insert_entry(session: AnySession, **columns: Any) -> Row[Any]:
    """Return the new entry."""
    return (await session.execute(INSERT_ENTRY, columns)).one()


async def get_entry(session: AnySession, *, entry_id: UUID) -> Row[Any] | None:
    """Return the entry."""
    return (await session.execute(GET_ENTRY, {"entry_id": entry_id})).one_or_none()


async def list_entries(
    session: AnySession, *, after: UUID | None, limit: int, filters: dict[str, str]
) -> Sequence[Row[Any]]:
    """Return entries with these values, oldest first, after the entry with the id `after`."""
    return (await session.execute(_list(*filters), {"after": after or FIRST, "limit": limit, **filters})).all()


@cache
def _list(*filters: str) -> Select[Any]:
    """Return the statement that compares these columns."""
    statement = select(ENTRIES).where(ENTRIES.c.id > bindparam("after"))
    statement = statement.where(*(ENTRIES.c[name] == bindparam(name) for name in filters))
    return statement.order_by(ENTRIES.c.id).limit(bindparam("limit"))
