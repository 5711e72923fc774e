"""Resource: the health of the system."""

from src.mcp_host.call import Call

from ...schemas import SystemHealth
from ...services import health as health_service


async def health(call: Call) -> SystemHealth:
    return await health_service.summarize_health(call.session)
