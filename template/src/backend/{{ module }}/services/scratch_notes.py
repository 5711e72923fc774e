"""Store notes that expire, and delete the expired ones."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from src.common.errors import ChangedMeanwhileError, NotFoundError, RefusalError
from src.common.schemas import Page, Purge, page_of
from src.common.tracing import traced
from src.db.autocommit import AnySession

from .. import crud
from ..identity import MODULE
from ..schemas import ScratchNoteCreate, ScratchNotePatch, ScratchNoteRead

PURGE_BATCH = 1000


class ScratchNoteChangedError(ChangedMeanwhileError):
    problem_type: ClassVar[str] = "scratch-note-changed"

    def __init__(self, *, note_id: UUID) -> None:
        super().__init__(f"The note {note_id} was changed since you read it. Read it again and repeat the change.")


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
    note = await crud.get_scratch_note(session, note_id=note_id)
    if note is None:
        raise ScratchNoteUnknownError(note_id=note_id)
    return ScratchNoteRead.model_validate(note)


@traced(layer="service")
async def change_note(
    session: AnySession, *, note_id: UUID, patch: ScratchNotePatch, versions: crud.Versions = None
) -> ScratchNoteRead:
    """Return the note with new content, a new lifetime from now, or both.

    Raises:
        ScratchNoteUnknownError: There is none of that id, or it has expired.
        ScratchNoteChangedError: The note is in none of the versions.
    """
    fields = patch.model_dump()
    if not fields:
        note = await get_note(session, note_id=note_id)
        if versions is not None and note.updated_at not in versions:
            raise ScratchNoteChangedError(note_id=note_id)
        return note
    lifetime = timedelta(seconds=fields["lifetime_s"]) if "lifetime_s" in fields else None
    content: dict[str, Any] | None = fields.get("content")
    changed = await crud.update_scratch_note(
        session, note_id=note_id, content=content, lifetime=lifetime, versions=versions
    )
    if changed is None:
        raise await _reason(session, note_id=note_id, versions=versions)
    return ScratchNoteRead.model_validate(changed)


@traced(layer="service")
async def remove_note(session: AnySession, *, note_id: UUID, versions: crud.Versions = None) -> None:
    """Delete the note before it expires.

    Raises:
        ScratchNoteUnknownError: There is none of that id, or it has expired.
        ScratchNoteChangedError: The note is in none of the versions.
    """
    if not await crud.delete_scratch_note(session, note_id=note_id, versions=versions):
        raise await _reason(session, note_id=note_id, versions=versions)


@traced(layer="service")
async def purge_notes(session: AnySession, *, limit: int = PURGE_BATCH) -> Purge:
    """Delete expired notes, at most `limit`, so that no purge holds its locks for long.

    Notes that another purge has locked are left to it, and count as deleted.
    """
    purged = await crud.delete_expired_scratch_notes(session, limit=limit)
    return Purge(purged=purged, is_complete=purged < limit)


async def _reason(session: AnySession, *, note_id: UUID, versions: crud.Versions) -> RefusalError:
    """Return why a statement changed nothing: the note is unknown, or in another version."""
    if versions is None or await crud.get_scratch_note(session, note_id=note_id) is None:
        return ScratchNoteUnknownError(note_id=note_id)
    return ScratchNoteChangedError(note_id=note_id)
