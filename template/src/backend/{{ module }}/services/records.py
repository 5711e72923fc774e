"""Find what the module recorded, in its log and in the graph."""

from src.common.tracing import traced
from src.db.autocommit import AnySession
from src.graph.base import NOT_CONFIGURED, GraphUnavailableError
from src.graph.queries import GraphQueries, Story
from src.l1.search import FoundRecords, LogQuery, search_log

from ..identity import LABEL
from .logging import LOG


@traced(layer="service")
async def search_records(session: AnySession, *, query: LogQuery) -> FoundRecords:
    """Return a page of the records that match the query, newest first."""
    return await search_log(session, LOG, query)


@traced(layer="service")
async def request_story(graph: GraphQueries | None, *, request_id: str, limit: int) -> Story:
    """Return what this module recorded in a request, oldest first.

    Raises:
        GraphUnavailableError: There is no graph, or it does not answer.
        NodeUnknownError: The graph has no entry of the module in that request.
    """
    if graph is None:
        raise GraphUnavailableError(NOT_CONFIGURED)
    return await graph.story(request_id, module=LABEL, limit=limit)
