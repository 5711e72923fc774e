"""Store notes that expire, and delete the expired ones."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row

from src.common.errors import NotFoundError
from src.common.schemas import Page, Purge, page_of
from src.common.tracing import traced
from src.db.autocommit import AnySession

from .. import crud
from ..identity import MODULE
from ..schemas import ScratchNoteCreate, ScratchNotePatch, ScratchNoteRead

PURGE_BATCH = 1000


class ScratchNoteUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "scratch-note-unknown"

    def __init__(self, *, note_id: UUID) -> None:
        super().__init__(f"There is no note {note_id}, or it has expired. List the notes at /{MODULE}/scratch-notes.")


@traced(layer="service")
async def keep_note(session: AnySession, *, note: ScratchNoteCreate) -> ScratchNoteRead:
    """Return the new note, which expires after its lifetime."""
    lifetime = timedelta(seconds=note.lifetime_s)
    return ScratchNoteRead.model_validate(
        await crud.insert_scratch_note(session, content=note.content, lifetime=lifetime)
    )


@traced(layer="service")
async def list_notes(session: AnySession, *, after: UUID | None, limit: int) -> Page[ScratchNoteRead]:
    """Return a page of the notes that have not expired, oldest first."""
    notes = await crud.list_scratch_notes(session, after=after, limit=limit + 1)
    return page_of([ScratchNoteRead.model_validate(note) for note in notes], limit=limit)


@traced(layer="service")
async def get_note(session: AnySession, *, note_id: UUID) -> ScratchNoteRead:
    """Return the note.

    Raises:
        ScratchNoteUnknownError: There is none of that id, or it has expired.
    """
    return _found(await crud.get_scratch_note(session, note_id=note_id), note_id=note_id)


@traced(layer="service")
async def change_note(session: AnySession, *, note_id: UUID, patch: ScratchNotePatch) -> ScratchNoteRead:
    """Return the note with new content, a new lifetime from now, or both.

    Raises:
        ScratchNoteUnknownError: There is none of that id, or it has expired.
    """
    fields = patch.model_dump()
    if not fields:
        return await get_note(session, note_id=note_id)
    lifetime = timedelta(seconds=fields["lifetime_s"]) if "lifetime_s" in fields else None
    content: dict[str, Any] | None = fields.get("content")
    changed = await crud.update_scratch_note(session, note_id=note_id, content=content, lifetime=lifetime)
    return _found(changed, note_id=note_id)


@traced(layer="service")
async def remove_note(session: AnySession, *, note_id: UUID) -> None:
    """Delete the note before it expires.

    Raises:
        ScratchNoteUnknownError: There is none of that id, or it has expired.
    """
    if not await crud.delete_scratch_note(session, note_id=note_id):
        raise ScratchNoteUnknownError(note_id=note_id)


@traced(layer="service")
async def purge_notes(session: AnySession, *, limit: int = PURGE_BATCH) -> Purge:
    """Delete expired notes, at most `limit`, so that no purge holds its locks for long.

    Notes that another purge has locked are left to it, and count as deleted.
    """
    purged = await crud.delete_expired_scratch_notes(session, limit=limit)
    return Purge(purged=purged, is_complete=purged < limit)


def _found(note: Row[Any] | None, *, note_id: UUID) -> ScratchNoteRead:
    if note is None:
        raise ScratchNoteUnknownError(note_id=note_id)
    return ScratchNoteRead.model_validate(note)
