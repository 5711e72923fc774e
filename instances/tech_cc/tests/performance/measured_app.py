"""The service, and the route that writes a test record twice more: without L1, and through the batched writer."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.slice import load_slice
from src.common.request_id_middleware import current_request_id
from src.common.schemas import RequestModel, StorableText
from src.common.tracing import current_trace_id
from src.cos_main import SLICES, app
from src.db.connection import get_db_session
from src.l1.entries import Event
from src.l1.writer import L1Writer, get_l1_writer

__all__ = ["app"]

LOG = load_slice(SLICES[0]).log


class Message(RequestModel):
    message: Annotated[StorableText, Field(max_length=1000)] = "Hello, L1."


class Ids(BaseModel):
    request_id: str | None
    trace_id: str | None


@app.post("/without-l1")
async def post_without_l1(
    message: Message,
    session: Annotated[AsyncSession, Depends(get_db_session, scope="function")],  # noqa: ARG001  # opened, never used
) -> Ids:
    """Do all that the test route does, but the record."""
    assert message.message
    return Ids(request_id=current_request_id(), trace_id=current_trace_id())


@app.post("/submit-l1")
async def post_submit_l1(message: Message, writer: Annotated[L1Writer, Depends(get_l1_writer)]) -> UUID:
    """Write a record that belongs to no transaction."""
    return await writer.submit(LOG, [Event("debug.submitted", {"message": message.message})])
