"""Tool: a new scratch note."""

from src.common.schemas import JsonDocument
from src.mcp_host.call import Call

from ...schemas import DAY_S, LifetimeS, ScratchNoteCreate, ScratchNoteRead
from ...services import scratch_notes


async def keep_note(call: Call, content: JsonDocument, lifetime_s: LifetimeS = DAY_S) -> ScratchNoteRead:
    return await scratch_notes.keep_note(call.session, note=ScratchNoteCreate(content=content, lifetime_s=lifetime_s))
