"""Composition root: the only place that knows every part."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from src import health
from src.backend.slice import load_slice
from src.common.config import Settings, settings_or_exit
from src.common.errors import add_error_handlers
from src.common.logger import configure_logging
from src.common.logger_logfire import bootstrap_logfire
from src.common.metrics import bootstrap_metrics
from src.common.otlp import stop
from src.common.project import FIRST_MODULE
from src.common.quiet_startup import QuietStartup
from src.common.request_body import RequestBodyLimits
from src.common.request_id_middleware import RequestIdMiddleware
from src.db.connection import open_database
from src.l1.writer import open_writer
from src.retention import purges_running

# The generator keeps an entry for each module here, sorted; entries of your own may stand among them.
SLICES: list[str] = [
    "src.backend.cc",
]
# End of the slices.


def create_app(settings: Settings) -> FastAPI:
    """Return the application; it opens the database when it starts and closes it when it stops."""
    configure_logging(settings)
    slices = [load_slice(package) for package in SLICES]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with (
                open_database(settings) as database,
                open_writer(settings) as writer,
                purges_running(database, slices, settings),
            ):
                app.state.database = database
                app.state.l1_writer = writer
                yield
        finally:
            await asyncio.to_thread(stop, [spans.shutdown, *([meters.shutdown] if meters else [])])

    meters = bootstrap_metrics(settings, service_name=_service_name())
    telemetry: TelemetryConfig = {
        "tracing": settings.tracing == "fastapi",
        "metrics": bool(meters),
        "meter_provider": meters,
        "logs": False,
    }
    app = FastAPI(title="COS", version="0.1.0", lifespan=lifespan, redirect_slashes=False, telemetry=telemetry)
    add_error_handlers(app)
    app.add_middleware(RequestBodyLimits)
    app.add_middleware(QuietStartup)
    spans = bootstrap_logfire(app, settings, default_service_name=_service_name())
    app.add_middleware(RequestIdMiddleware)
    app.state.spans = spans
    app.include_router(health.router)
    for part in slices:
        part.mount(app, with_debug=not settings.is_production)
        if part.module == FIRST_MODULE and not settings.is_production:
            part.mount_debug_at_root(app)
    return app


def _service_name() -> str:
    """Return `cos-<module>` for a service of one module, else `cos`."""
    return "cos-" + SLICES[0].rpartition(".")[2] if len(SLICES) == 1 else "cos"


app = create_app(settings_or_exit(modules=len(SLICES)))
