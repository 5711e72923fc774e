"""Tool: a page of the scratch notes."""

from uuid import UUID

from src.common.schemas import Page, PageLimit
from src.mcp_host.call import Call

from ...schemas import ScratchNoteRead
from ...services import scratch_notes


async def list_notes(call: Call, limit: PageLimit = 20, after: UUID | None = None) -> Page[ScratchNoteRead]:
    return await scratch_notes.list_notes(call.session, after=after, limit=limit)
