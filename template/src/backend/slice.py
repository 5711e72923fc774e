"""The interface between the host and a slice."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from typing import Final

from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from src.common.config import Settings
from src.common.errors import problems
from src.common.operation_ids import operation_prefix
from src.common.schemas import Purge
from src.db.autocommit import AnySession
from src.db.connection import Database
from src.graph.consumer import GraphSubscriber
from src.graph.models import GraphModels
from src.graph.queries import GraphQueries
from src.graph.registry import MODULE_LABELS
from src.graph.repository import GraphRepository
from src.highway.subscriber import AnySubscriber
from src.l1.entries import Log
from src.mcp_host.call import ModuleHost

COMMON_ERRORS = problems(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE)

NO_MODELS: Final = GraphModels()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A vertical slice: everything of it is reached under `/<module>`."""

    module: str
    label: str
    routers: Sequence[APIRouter]
    log: Log
    debug_routers: Sequence[APIRouter] = ()
    purge_scratch: Callable[[AsyncSession], Awaitable[Purge]] | None = None  # of what expires, if anything does
    graph_models: GraphModels = NO_MODELS
    register: Callable[[AnySession], Awaitable[None]] | None = None
    subscribers: Sequence[AnySubscriber] = ()
    mcp_package: str = ""  # of its tools and resources for assistants; a slice without them has no MCP server

    def mcp_host(self, settings: Settings, database: Database, graph: GraphRepository | None = None) -> ModuleHost:
        """Return what the calls of its MCP server share."""
        return ModuleHost(
            module=self.module,
            label=self.label,
            package=self.mcp_package,
            log=self.log,
            subscribers=[subscriber for _log, subscriber in subscribers_of([self], graph)],
            settings=settings,
            database=database,
            graph=queries_of([self], graph),
        )

    def mount(self, app: FastAPI, *, with_debug: bool) -> None:
        """Add the slice's routes, and those for developers if requested."""
        for router in [*self.routers, *(self.debug_routers if with_debug else [])]:
            self._include(app, router, prefix=f"/{self.module}", id_prefix=operation_prefix(self.module))

    def mount_debug_at_root(self, app: FastAPI) -> None:
        """Add the routes for developers without a prefix, for one slice of the application."""
        for router in self.debug_routers:
            self._include(app, router, prefix="", id_prefix="root_")

    def _include(self, app: FastAPI, router: APIRouter, *, prefix: str, id_prefix: str) -> None:
        app.include_router(
            router,
            prefix=prefix,
            tags=[self.module],
            responses=COMMON_ERRORS,
            generate_unique_id_function=lambda route: id_prefix + route.name,
        )


def load_slice(package: str) -> Slice:
    """Return the `SLICE` of a package under `backend`, imported by name."""
    part = import_module(package).SLICE
    assert isinstance(part, Slice), f"{package}.SLICE is not a Slice"
    return part


def subscribers_of(slices: Sequence[Slice], graph: GraphRepository | None) -> list[tuple[Log, AnySubscriber]]:
    """Return the consumers of all slices, each with its log; where there is a graph, each slice has one for it."""
    found: list[tuple[Log, AnySubscriber]] = [(part.log, each) for part in slices for each in part.subscribers]
    if graph is None:
        return found
    for part in slices:
        subscriber = GraphSubscriber(graph, module=part.module, label=part.label, models=part.graph_models)
        found.append((part.log, subscriber))
    return found


def queries_of(slices: Sequence[Slice], graph: GraphRepository | None) -> GraphQueries | None:
    """Return what can be asked of the graph about these slices; None where there is no graph."""
    types = {name for part in slices for name in part.graph_models.types}
    return GraphQueries(graph, types=types, modules=MODULE_LABELS) if graph else None
