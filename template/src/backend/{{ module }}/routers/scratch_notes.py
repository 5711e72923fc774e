"""Notes that expire."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request, Response

from src.common.errors import BODY_ERRORS, CHANGE_ERRORS, PATH_ERRORS, QUERY_ERRORS
from src.common.etags import IfMatch, set_etag
from src.common.schemas import Page, PageAfter, PageLimit, Purge

from ..deps import MODULE_ACCESS, DbSession, ReadSession, RecordingRoute
from ..schemas import ScratchNoteCreate, ScratchNotePatch, ScratchNoteRead
from ..services import scratch_notes

router = APIRouter(prefix="/scratch-notes", route_class=RecordingRoute, dependencies=[MODULE_ACCESS])


@router.post("", status_code=HTTPStatus.CREATED, responses=BODY_ERRORS)
async def post_scratch_note(
    note: ScratchNoteCreate, session: DbSession, request: Request, response: Response
) -> ScratchNoteRead:
    """Store a note, which expires after its lifetime."""
    kept = await scratch_notes.keep_note(session, note=note)
    response.headers["Location"] = f"{request.url.path}/{kept.id}"
    return set_etag(response, kept)


@router.get("", responses=QUERY_ERRORS)
async def get_scratch_notes(
    session: ReadSession, limit: PageLimit = 20, after: PageAfter = None
) -> Page[ScratchNoteRead]:
    """List notes that have not expired, oldest first."""
    return await scratch_notes.list_notes(session, after=after, limit=limit)


@router.post("/purge")
async def post_purge(session: DbSession) -> Purge:
    """Delete expired notes; call again until `is_complete`."""
    return await scratch_notes.purge_notes(session)


@router.get("/{note_id}", responses=PATH_ERRORS)
async def get_scratch_note(note_id: UUID, session: ReadSession, response: Response) -> ScratchNoteRead:
    """Return one note."""
    return set_etag(response, await scratch_notes.get_note(session, note_id=note_id))


@router.patch("/{note_id}", responses={**PATH_ERRORS, **BODY_ERRORS, **CHANGE_ERRORS})
async def patch_scratch_note(
    note_id: UUID, patch: ScratchNotePatch, session: DbSession, versions: IfMatch, response: Response
) -> ScratchNoteRead:
    """Change the content, start a new lifetime, or both."""
    note = await scratch_notes.change_note(session, note_id=note_id, patch=patch, versions=versions)
    return set_etag(response, note)


@router.delete("/{note_id}", status_code=HTTPStatus.NO_CONTENT, responses={**PATH_ERRORS, **CHANGE_ERRORS})
async def delete_scratch_note(note_id: UUID, session: DbSession, versions: IfMatch) -> None:
    """Delete a note before it expires."""
    await scratch_notes.remove_note(session, note_id=note_id, versions=versions)
