"""Resource: the tables of the module."""

from src.db.description import SchemaDescription
from src.mcp_host.call import Call

from ...services import tables


async def schema(call: Call) -> SchemaDescription:  # noqa: ARG001  # every resource has a call
    return tables.describe_tables()
