"""Tool: what the consumers of the module's log have handled."""

from src.highway.control import ConsumersStatus
from src.mcp_host.call import Call


async def highway_status(call: Call) -> ConsumersStatus:
    return ConsumersStatus(consumers=await call.host.control.status())
