"""Tool: the health of the system."""

from src.mcp_host.call import Call

from ...schemas import SystemHealth
from ...services import health


async def system_health(call: Call) -> SystemHealth:
    return await health.summarize_health(call.session)
