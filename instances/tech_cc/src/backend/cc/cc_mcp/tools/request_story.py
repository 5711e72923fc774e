"""Tool: what happened in a request, told from the graph."""

from src.graph.queries import Story
from src.mcp_host.call import Call

from ...schemas import RequestId, StoryLimit
from ...services import records


async def request_story(call: Call, request_id: RequestId, limit: StoryLimit = 50) -> Story:
    return await records.request_story(call.host.graph, request_id=request_id, limit=limit)
