"""The only code that runs Cypher: managed transactions, outages told apart from bugs, a time limit on each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from src.common.config import Settings
from src.common.tracing import span
from src.graph.base import GraphUnavailableError, driver_name, graph_outages_refused, open_driver
from src.graph.cypher import cypher, quoted

if TYPE_CHECKING:
    from neo4j import AsyncDriver

READ_LIMIT_S: Final = 3.0
WRITE_LIMIT_S: Final = 20.0
PROBE_LIMIT_S: Final = 2.0

type Row = dict[str, Any]


class GraphRepository:
    """The graph of all modules.

    Queries are files of `src/graph/cypher`, by name, or texts that were put together from them. Names in them come
    from the registry and from `graph_models.py`; everything else is a parameter.
    """

    def __init__(self, driver: "AsyncDriver", database: str) -> None:
        self._driver = driver
        self._database = database

    async def read(self, query: str, parameters: Row | None = None, *, limit_s: float = READ_LIMIT_S) -> list[Row]:
        """Return the rows of a query that changes nothing.

        Raises:
            GraphUnavailableError: Neo4j does not answer in time.
        """
        return await self._execute(query, parameters or {}, access="r", limit_s=limit_s)

    async def write(self, query: str, parameters: Row | None = None, *, limit_s: float = WRITE_LIMIT_S) -> list[Row]:
        """Return the rows of a query, whose transaction is committed; one that deadlocks is tried again.

        Raises:
            GraphUnavailableError: Neo4j is away.
            TimeoutError: Neo4j answers, but not this query in time.
        """
        try:
            return await self._execute(query, parameters or {}, access="w", limit_s=limit_s)
        except GraphUnavailableError as outage:
            if isinstance(outage.__cause__, TimeoutError):
                await self.check()
                raise TimeoutError(f"Neo4j took longer than {limit_s:g} s.") from outage
            raise

    async def check(self, *, limit_s: float = PROBE_LIMIT_S) -> str:
        """Return name and version of the server, and of the driver.

        Raises:
            GraphUnavailableError: It does not answer, or refuses the login.
        """
        with graph_outages_refused():
            async with asyncio.timeout(limit_s):
                async with self._driver.session(database=self._database) as session:
                    summary = await (await session.run("RETURN 1")).consume()
        return f"{summary.server.agent}; {driver_name()}"

    async def count(self, *, types: list[str], modules: list[str]) -> dict[str, int]:
        """Return the number of nodes by type and by module; Neo4j keeps these numbers, and counts nothing."""
        # A name for each part: the embedded graph mixes up the parts of a UNION whose columns are the same constant.
        return {
            name: (await self.read(f"MATCH (n:{quoted(name)}) RETURN count(n) AS number"))[0]["number"]
            for name in (*types, *modules)
        }

    async def delete_some(self, module: str, *, limit: int) -> int:
        """Return how many nodes of a module were deleted, at most `limit`; its checkpoint stays."""
        return int((await self.write(cypher("delete_nodes", module=module), {"limit": limit}))[0]["deleted"])

    async def _execute(self, query: str, parameters: dict[str, Any], *, access: str, limit_s: float) -> list[Row]:
        from neo4j import Query, RoutingControl  # noqa: PLC0415  # 160 ms, for those who use it

        routing = RoutingControl.READ if access == "r" else RoutingControl.WRITE
        with span("graph", layer="service"), graph_outages_refused():
            async with asyncio.timeout(limit_s):
                result = await self._driver.execute_query(
                    Query(query, timeout=limit_s + 1),  # so that the limit of this process comes first
                    parameters,
                    routing_=routing,
                    database_=self._database,
                )
        return [record.data() for record in result.records]


@asynccontextmanager
async def open_graph(settings: Settings) -> AsyncIterator[GraphRepository | None]:
    """Yield the graph; None where NEO4J_URI is not set. It need not answer now."""
    async with open_driver(settings) as driver:
        yield GraphRepository(driver, settings.neo4j_database) if driver else None
