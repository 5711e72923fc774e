"""Add entries to the trail, and read them."""

from typing import ClassVar
from uuid import UUID

from src.common.access.caller import current_subject
from src.common.errors import NotFoundError
from src.common.schemas import Page, page_of
from src.common.tracing import traced
from src.db.autocommit import AnySession

from .. import crud
from ..identity import MODULE
from ..schemas import EntryCreate, EntryQuery, EntryRead


class EntryUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "entry-unknown"

    def __init__(self, *, entry_id: UUID) -> None:
        super().__init__(f"There is no entry {entry_id}. List the entries at /{MODULE}/entries.")


@traced(layer="service")
async def add_entry(session: AnySession, *, entry: EntryCreate) -> EntryRead:
    """Return the new entry, with the subject of the caller's token."""
    return EntryRead.model_validate(
        await crud.insert_entry(session, **entry.model_dump(), recorded_by=current_subject())
    )


@traced(layer="service")
async def get_entry(session: AnySession, *, entry_id: UUID) -> EntryRead:
    """Return the entry.

    Raises:
        EntryUnknownError: None has that id.
    """
    entry = await crud.get_entry(session, entry_id=entry_id)
    if entry is None:
        raise EntryUnknownError(entry_id=entry_id)
    return EntryRead.model_validate(entry)


@traced(layer="service")
async def list_entries(session: AnySession, *, query: EntryQuery) -> Page[EntryRead]:
    """Return a page of the entries that match the query, oldest first."""
    filters = query.model_dump(include={"actor", "target"}, exclude_none=True)
    entries = await crud.list_entries(session, after=query.after, limit=query.limit + 1, filters=filters)
    return page_of([EntryRead.model_validate(entry) for entry in entries], limit=query.limit)
