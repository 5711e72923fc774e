"""Migrate an installed project on a PostgreSQL of its own; run it with the project's Python, in the project's folder.

    .venv/bin/python on_postgres.py isolation tech_cc biz_crm     the second, while all tables of the first are held
    .venv/bin/python on_postgres.py heads                         all modules

It prints one JSON document.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg

LOCKS = """
    SELECT DISTINCT n.nspname || '.' || c.relname || ' ' || l.mode
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid <> ALL($1) AND n.nspname = ANY($2)
"""
TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'
"""


def main(what: str, *labels: str) -> None:
    """Start a server, do what is asked for, and stop it."""
    sys.path.insert(0, str(Path("scripts").resolve()))
    embedded: Any = import_module("embedded.postgres")  # of the project, which mypy does not see here
    with (
        tempfile.TemporaryDirectory(prefix="pg-") as scratch,
        embedded.running_postgres(Path(scratch, "data")) as server,
    ):
        asyncio.run(embedded.create_role_and_database(server))
        url = embedded.url_of(server)
        os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
        if what == "heads":
            seconds = upgrade("heads")
            megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(json.dumps({"seconds": seconds, "megabytes": megabytes, "again_seconds": upgrade("heads")}))
        else:
            print(json.dumps(asyncio.run(isolation(url, *labels))))


async def isolation(url: Any, first: str, second: str) -> dict[str, Any]:
    """Hold all tables of the first module in another session, and migrate the second meanwhile."""
    upgrade(f"{first}@head")
    holder, watcher = [
        await asyncpg.connect(host=url.query["host"], user=url.username, database=url.database) for _ in range(2)
    ]
    tables = [row[0] for row in await holder.fetch(TABLES)]
    ours = [holder.get_server_pid(), watcher.get_server_pid()]
    schemas = sorted({table.split(".")[0] for table in tables})
    async with holder.transaction():
        for table in tables:
            await holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        under_way = asyncio.create_task(asyncio.to_thread(upgrade, f"{second}@head"))
        seen: set[str] = set()
        while not under_way.done():
            seen |= {row[0] for row in await watcher.fetch(LOCKS, ours, schemas)}
            await asyncio.sleep(0.002)
        seconds = await under_way
    await holder.close()
    await watcher.close()
    return {"seconds": seconds, "held": tables, "locks_of_others": sorted(seen)}


def upgrade(revision: str) -> float:
    """Run `alembic upgrade`, and return the seconds it took."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "alembic", "upgrade", revision]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
