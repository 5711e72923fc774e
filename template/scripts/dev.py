"""Run the service for development: start PostgreSQL and Redis if the environment names none, migrate, and serve.

    uv run python scripts/dev.py [--port 8000] [--host 127.0.0.1] [--no-reload] [--graph]

If neither the environment nor .env sets DATABASE_URL, the project's own PostgreSQL is started; its data stay in
.dev/postgres between runs. Without REDIS_URL a Valkey server is started, which keeps nothing. With --graph and without
NEO4J_URI an embedded graph is installed and started; its data stay in .dev/graph. Ctrl-C stops everything.
Exit status: 0 stopped by you, 1 refused, 2 wrong usage.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from filelock import FileLock, Timeout

from embedded.graph import GraphStartError, running_graph
from embedded.postgres import PostgresStartError, create_role_and_database, running_postgres, url_of
from embedded.redis import RedisStartError, running_redis
from src.common.config import get_settings, settings_or_exit

PROJECT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run until Ctrl-C or a signal."""
    options = _options()
    os.chdir(PROJECT)  # .env, alembic.ini and src/ are read relative to it
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` would have us ignore it
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sys.exit(0))
    _refuse_taken_port(options.host, options.port)
    libraries = threading.Thread(target=_import_libraries, daemon=True)
    try:
        libraries.start()  # while PostgreSQL starts
        with _database(), _redis(), _graph() if options.graph else nullcontext():
            libraries.join()
            get_settings.cache_clear()  # the environment names both servers now
            _migrate()
            _say(f"serving http://{options.host}:{options.port}/docs")
            _serve(options)
    except (PostgresStartError, RedisStartError, GraphStartError) as fault:
        sys.exit(str(fault))
    except KeyboardInterrupt:
        pass


@contextmanager
def _database() -> Iterator[None]:
    """Make DATABASE_URL name a running database; stop the one that was started afterwards."""
    if settings_or_exit().database_is_named:
        _say("using the database that DATABASE_URL names")
        yield
        return
    lock = FileLock(PROJECT / ".dev" / "postgres.lock")
    try:
        (PROJECT / ".dev").mkdir(exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        sys.exit("scripts/dev.py runs in this project already. Stop that run, or set DATABASE_URL for this one.")
    except OSError as fault:
        sys.exit(f"Cannot keep data in {PROJECT / '.dev'}: {fault.strerror}. Make it a writable folder, or remove it.")
    started = time.perf_counter()
    with lock, running_postgres(PROJECT / ".dev" / "postgres") as server:
        asyncio.run(create_role_and_database(server))
        url = url_of(server)
        os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
        _say(f"started PostgreSQL in {time.perf_counter() - started:.1f} s; data in .dev/postgres")
        _say(f"  psql 'host={url.query['host']} user={url.username} dbname={url.database}'")
        _say(f"  export DATABASE_URL='{os.environ['DATABASE_URL']}'    # for Alembic in another terminal")
        try:
            yield
        finally:
            _say("stopping PostgreSQL")


@contextmanager
def _redis() -> Iterator[None]:
    """Make REDIS_URL name a running server; stop the one that was started afterwards."""
    if get_settings().redis_url:
        _say("using the Redis that REDIS_URL names")
        yield
        return
    with running_redis() as address:
        os.environ["REDIS_URL"] = address
        _say(f"started Valkey at {address}")
        yield


@contextmanager
def _graph() -> Iterator[None]:
    """Make the NEO4J_ variables name a running graph; stop the one that was started afterwards."""
    if get_settings().neo4j_uri:
        _say("using the Neo4j that NEO4J_URI names")
        yield
        return
    started = time.perf_counter()
    with running_graph(PROJECT / ".dev" / "graph") as server:
        os.environ |= {"NEO4J_URI": server.uri, "NEO4J_USER": server.user, "NEO4J_PASSWORD": server.password}
        _say(f"started the embedded graph in {time.perf_counter() - started:.1f} s; data in .dev/graph")
        yield


def _migrate() -> None:
    """Upgrade the database in this process; Alembic and the models are imported by now."""
    started = time.perf_counter()
    config = Config("alembic.ini")
    config.attributes["settings"] = get_settings()
    try:
        command.upgrade(config, "heads")
    except SystemExit as refusal:
        sys.exit(f"{refusal}\nThe migrations did not run; nothing is served.")
    _say(f"migrated in {time.perf_counter() - started:.1f} s")


def _import_libraries() -> None:
    """Import what the migration and the service need, so that Python has compiled it when they start."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})  # the main thread's
    for name in ("src.application", "src.mcp_host.server", "uvicorn"):
        import_module(name)


def _serve(options: argparse.Namespace) -> None:
    """Serve in this process, which has imported the libraries already; with reload, in a child of it."""
    import uvicorn  # noqa: PLC0415  # after the thread that imports it

    reload_dirs = ["src"] if options.reload else None
    uvicorn.run(
        "src.cos_main:app", host=options.host, port=options.port, reload=options.reload, reload_dirs=reload_dirs
    )


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as fault:
            sys.exit(
                f"Cannot serve on {host}:{port}: {fault}. Stop the process that uses it, or choose another --port."
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8000, metavar="PORT", help="(default: 8000)")
    parser.add_argument("--no-reload", dest="reload", action="store_false", help="do not restart when src/ changes")
    parser.add_argument("--graph", action="store_true", help="start an embedded graph where NEO4J_URI is not set")
    return parser.parse_args()


def _say(line: str) -> None:
    print(f"dev: {line}", flush=True)


if __name__ == "__main__":
    main()
