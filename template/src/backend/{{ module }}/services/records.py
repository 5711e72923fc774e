"""Find what the module's log says."""

from uuid import UUID

from src.common.tracing import traced
from src.db.autocommit import AnySession
from src.l1.search import FoundRecords, search_log

from .logging import LOG


@traced(layer="service")
async def search_records(
    session: AnySession,
    *,
    hours: int,
    limit: int,
    event_type: str | None = None,
    request_id: str | None = None,
    subject: str | None = None,
    before: UUID | None = None,
) -> FoundRecords:
    """Return a page of the records that match every given filter, newest first."""
    filters = {"event_type": event_type, "request_id": request_id, "subject": subject}
    return await search_log(session, LOG, **filters, hours=hours, limit=limit, before=before)
