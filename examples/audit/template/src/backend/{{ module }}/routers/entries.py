"""The trail; there is no route that changes or deletes an entry."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from src.common.errors import BODY_ERRORS, PATH_ERRORS, QUERY_ERRORS
from src.common.schemas import Page

from ..deps import MODULE_ACCESS, Session
from ..schemas import EntryCreate, EntryQuery, EntryRead
from ..services import entries

router = APIRouter(prefix="/entries", dependencies=[MODULE_ACCESS])


@router.post("", status_code=HTTPStatus.CREATED, responses=BODY_ERRORS)
async def post_entry(entry: EntryCreate, session: Session, request: Request, response: Response) -> EntryRead:
    """Add an entry, which stays."""
    added = await entries.add_entry(session, entry=entry)
    response.headers["Location"] = f"{request.url.path}/{added.id}"
    return added


@router.get("", responses=QUERY_ERRORS)
async def get_entries(session: Session, query: Annotated[EntryQuery, Query()]) -> Page[EntryRead]:
    """List entries, oldest first."""
    return await entries.list_entries(session, query=query)


@router.get("/{entry_id}", responses=PATH_ERRORS)
async def get_entry(entry_id: UUID, session: Session) -> EntryRead:
    """Return one entry."""
    return await entries.get_entry(session, entry_id=entry_id)
