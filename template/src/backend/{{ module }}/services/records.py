"""Find what the module's log says."""

from src.common.tracing import traced
from src.db.autocommit import AnySession
from src.l1.search import FoundRecords, LogQuery, search_log

from .logging import LOG


@traced(layer="service")
async def search_records(session: AnySession, *, query: LogQuery) -> FoundRecords:
    """Return a page of the records that match the query, newest first."""
    return await search_log(session, LOG, query)
