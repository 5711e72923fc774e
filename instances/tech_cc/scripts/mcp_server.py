"""Serve a module to an assistant on this machine, over stdio: its client starts this script.

    uv run python scripts/mcp_server.py cc

The service itself need not run; PostgreSQL must. A user who can start it can do everything that the module's tools do.
Log lines go to stderr. Exit status: 0 the client closed the connection; 1 a setting is wrong, or PostgreSQL does not
answer; 2 wrong usage.
"""

import argparse
import asyncio
import getpass
import logging
import sys

from src.backend.slice import Slice, load_slice
from src.common.access.caller import Caller, caller_of_request
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings, settings_or_exit
from src.common.errors import RefusalError
from src.common.logger import JsonFormatter
from src.common.startup_errors import StartupError
from src.cos_main import SLICES
from src.db.connection import open_database
from src.db.schema_check import check_schema
from src.graph.repository import open_graph
from src.highway.lifespan import open_highway
from src.l1.writer import open_writer


def main() -> None:
    """Serve the module that the argument names."""
    slices = {part.module: part for part in map(load_slice, SLICES) if part.mcp_package}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", choices=sorted(slices))
    part = slices[parser.parse_args().module]
    settings = settings_or_exit(modules=len(SLICES))
    log_to_stderr(settings)
    try:
        asyncio.run(serve(part, settings))
    except (RefusalError, StartupError) as refusal:
        sys.exit(str(refusal))


async def serve(part: Slice, settings: Settings) -> None:
    """Serve until the client closes stdin. What it does is recorded as done by `stdio:<user>`."""
    from src.mcp_host.server import build_server  # noqa: PLC0415  # the SDK takes long to import; wrong usage is quick

    caller_of_request.set(Caller(subject=f"stdio:{getpass.getuser()}", is_unrestricted=True))
    async with (
        open_database(settings) as database,
        open_background_tasks() as tasks,
        open_writer(settings, tasks) as writer,
        open_graph(settings) as graph,
        open_highway(settings, database, writer, tasks, []) as highway,
    ):
        await check_schema(database)
        await build_server(part.mcp_host(settings, highway.database, graph)).run_stdio_async()


def log_to_stderr(settings: Settings) -> None:
    """Keep stdout for the protocol alone."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=settings.log_level, handlers=[handler])


if __name__ == "__main__":
    main()
