"""Tool: find records of the module's log."""

from uuid import UUID

from src.l1.search import FoundRecords, LogQuery
from src.mcp_host.call import Call

from ...schemas import EventType, Hours, RecordLimit, RequestId, Subject
from ...services import records


async def search_records(
    call: Call,
    event_type: EventType | None = None,
    request_id: RequestId | None = None,
    subject: Subject | None = None,
    hours: Hours = 24,
    limit: RecordLimit = 10,
    before: UUID | None = None,
) -> FoundRecords:
    query = LogQuery(
        event_type=event_type, request_id=request_id, subject=subject, hours=hours, limit=limit, before=before
    )
    return await records.search_records(call.session, query=query)
