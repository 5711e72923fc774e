"""Composition root: builds the application from its parts, and opens and closes what they share."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from operator import attrgetter
from typing import Any, Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from src import health
from src.backend.slice import load_slice, queries_of, subscribers_of
from src.common.access.guard import add_access, say_if_open
from src.common.access.scopes import module_scopes, requires
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.common.errors import add_error_handlers
from src.common.http_security import add_http_security
from src.common.logger import configure_logging
from src.common.logger_logfire import bootstrap_logfire
from src.common.request_body import RequestBodyLimits
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.startup_errors import StartupErrorMiddleware
from src.common.telemetry.metrics import bootstrap_metrics
from src.common.telemetry.otlp import stop
from src.common.telemetry.prometheus import metrics_router, prometheus_registry
from src.common.telemetry.scrubber import scrub
from src.db.connection import open_database
from src.db.schema_check import add_schema_error_handler, code_revisions
from src.graph import router as graph_router
from src.graph.repository import open_graph
from src.highway.lifespan import open_highway
from src.l1.writer import open_writer
from src.mcp_host.routes import add_mcp_routes, open_mcp
from src.project import DISTRIBUTION, FIRST_MODULE
from src.registration import registration_tasks
from src.retention import purge_tasks

# The least that Python allows. A body of 250 integers with 4,000 digits each, its default, takes 20 ms to parse.
INTEGER_DIGITS_LIMIT: Final = 640
# These paths, and those below them, need no token; all others do, unless the API is open.
OPEN_PATHS: Final = ["/health"]
NO_DOCS: Final[dict[str, Any]] = {"openapi_url": None, "docs_url": None, "redoc_url": None}


def build_app(settings: Settings, packages: Sequence[str]) -> FastAPI:
    """Return the application; it opens the database when it starts and closes it when it stops.

    Args:
        settings: Configuration of the process.
        packages: The slices, as `src.backend.<module>`.
    """
    sys.set_int_max_str_digits(INTEGER_DIGITS_LIMIT)
    configure_logging(settings)
    slices = [load_slice(package) for package in packages]
    with_mcp = [part for part in slices if part.mcp_package]
    service_name = _service_name(packages)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        say_if_open(settings)
        try:
            await asyncio.to_thread(code_revisions)
            async with (
                open_database(settings) as database,
                open_background_tasks() as tasks,
                open_writer(settings, tasks) as writer,
                open_graph(settings) as graph,
                open_highway(settings, database, writer, tasks, subscribers_of(slices, graph)) as highway,
                open_mcp([part.mcp_host(settings, highway.database, graph) for part in with_mcp]) as mcp_servers,
            ):
                app.state.database = highway.database
                app.state.background_tasks = tasks
                app.state.l1_writer = writer
                app.state.highway = highway
                app.state.graph = graph
                app.state.graph_queries = queries_of(slices, graph)
                app.state.mcp_servers = mcp_servers
                registrations = registration_tasks(highway.database, slices)
                for task in [*registrations, *purge_tasks(database, slices, settings)]:
                    tasks.start(task)
                preparing = asyncio.create_task(asyncio.to_thread(scrub, None))  # imports Logfire, while requests run
                yield
                await preparing
        finally:
            await asyncio.to_thread(stop, [spans.shutdown, *([meters.shutdown] if meters else [])])

    registry = prometheus_registry(settings)
    meters = bootstrap_metrics(settings, service_name=service_name, registry=registry)
    telemetry: TelemetryConfig = {
        "tracing": settings.tracing == "fastapi",
        "metrics": bool(meters),
        "meter_provider": meters,
        "logs": False,
    }
    app = FastAPI(
        title="COS",
        version=version(DISTRIBUTION),
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=telemetry,
        generate_unique_id_function=attrgetter("name"),
        **(NO_DOCS if not settings.has_docs else {}),
    )
    add_error_handlers(app)
    add_schema_error_handler(app)
    app.add_middleware(RequestBodyLimits, limit_bytes=settings.body_limit_bytes, timeout_s=settings.body_timeout_s)
    add_access(app, settings, open_paths=OPEN_PATHS, scopes=[s for part in slices for s in module_scopes(part.module)])
    add_http_security(app, settings)  # outside of access: a browser's preflight request has no token
    app.add_middleware(StartupErrorMiddleware)
    spans = bootstrap_logfire(app, settings, default_service_name=service_name)
    app.add_middleware(RequestIdMiddleware)
    app.state.spans = spans
    app.include_router(health.router)
    # The graph shows what all modules recorded, so that a caller needs to be allowed to read all of them.
    app.include_router(graph_router.router, dependencies=[requires(module_scopes(part.module)[0]) for part in slices])
    add_mcp_routes(app, settings, [part.module for part in with_mcp])
    if registry:
        app.include_router(metrics_router(registry))
    for part in slices:
        part.mount(app, with_debug=not settings.is_production)
        if part.module == FIRST_MODULE and not settings.is_production:
            part.mount_debug_at_root(app)
    return app


def _service_name(packages: Sequence[str]) -> str:
    """Return `cos-<module>` for a service of one module, else `cos`."""
    return "cos-" + packages[0].rpartition(".")[2] if len(packages) == 1 else "cos"
