"""Resource: what happened last."""

from src.l1.search import FoundRecords, LogQuery
from src.mcp_host.call import Call

from ...services import records


async def recent_events(call: Call) -> FoundRecords:
    return await records.search_records(call.session, query=LogQuery(hours=24, limit=20))
