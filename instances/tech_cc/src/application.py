"""Composition root: builds the application from its parts, and opens and closes what they share."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from src import health
from src.backend.slice import load_slice, subscribers_of
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.common.errors import add_error_handlers
from src.common.logger import configure_logging
from src.common.logger_logfire import bootstrap_logfire
from src.common.request_body import RequestBodyLimits
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.startup_errors import StartupErrorMiddleware
from src.common.telemetry.metrics import bootstrap_metrics
from src.common.telemetry.otlp import stop
from src.common.telemetry.scrubber import scrub
from src.db.connection import open_database
from src.db.schema_check import add_schema_error_handler, code_revisions
from src.graph import router as graph_router
from src.graph.queries import GraphQueries
from src.graph.registry import MODULE_LABELS
from src.graph.repository import open_graph
from src.highway.lifespan import open_highway
from src.l1.writer import open_writer
from src.project import FIRST_MODULE
from src.registration import registration_tasks
from src.retention import purge_tasks

# The least that Python allows. A body of 250 integers with 4,000 digits each, its default, takes 20 ms to parse.
INTEGER_DIGITS_LIMIT: Final = 640


def build_app(settings: Settings, packages: Sequence[str]) -> FastAPI:
    """Return the application; it opens the database when it starts and closes it when it stops.

    Args:
        settings: Configuration of the process.
        packages: The slices, as `src.backend.<module>`.
    """
    sys.set_int_max_str_digits(INTEGER_DIGITS_LIMIT)
    configure_logging(settings)
    slices = [load_slice(package) for package in packages]
    types = {name for part in slices for name in part.graph_models.types}
    service_name = _service_name(packages)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            await asyncio.to_thread(code_revisions)
            async with (
                open_database(settings) as database,
                open_background_tasks() as tasks,
                open_writer(settings, tasks) as writer,
                open_graph(settings) as graph,
                open_highway(settings, database, writer, tasks, subscribers_of(slices, graph)) as highway,
            ):
                app.state.database = highway.database
                app.state.background_tasks = tasks
                app.state.l1_writer = writer
                app.state.highway = highway
                app.state.graph = graph
                app.state.graph_queries = GraphQueries(graph, types=types, modules=MODULE_LABELS) if graph else None
                for registration in registration_tasks(highway.database, slices):
                    tasks.start(registration)
                for purge in purge_tasks(database, slices, settings):
                    tasks.start(purge)
                preparing = asyncio.create_task(asyncio.to_thread(scrub, None))  # imports Logfire, while requests run
                yield
                await preparing
        finally:
            await asyncio.to_thread(stop, [spans.shutdown, *([meters.shutdown] if meters else [])])

    meters = bootstrap_metrics(settings, service_name=service_name)
    telemetry: TelemetryConfig = {
        "tracing": settings.tracing == "fastapi",
        "metrics": bool(meters),
        "meter_provider": meters,
        "logs": False,
    }
    app = FastAPI(title="COS", version="0.1.0", lifespan=lifespan, redirect_slashes=False, telemetry=telemetry)
    add_error_handlers(app)
    add_schema_error_handler(app)
    app.add_middleware(RequestBodyLimits)
    app.add_middleware(StartupErrorMiddleware)
    spans = bootstrap_logfire(app, settings, default_service_name=service_name)
    app.add_middleware(RequestIdMiddleware)
    app.state.spans = spans
    app.include_router(health.router)
    app.include_router(graph_router.router)
    for part in slices:
        part.mount(app, with_debug=not settings.is_production)
        if part.module == FIRST_MODULE and not settings.is_production:
            part.mount_debug_at_root(app)
    return app


def _service_name(packages: Sequence[str]) -> str:
    """Return `cos-<module>` for a service of one module, else `cos`."""
    return "cos-" + packages[0].rpartition(".")[2] if len(packages) == 1 else "cos"
