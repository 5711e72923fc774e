"""Delete expired scratch notes and old records of the log, in every module.

    uv run python scripts/purge_l1.py [--older-than-days 90]

Records older than L1_RETENTION_DAYS are deleted, unless a consumer has not read them yet. Run it from cron, or set
PURGE_INTERVAL_S and let the service do it. Exit status: 0 done; 1 PostgreSQL does not answer, migrations are pending
or a setting is wrong; 2 wrong usage.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta

from src.backend.slice import Slice, load_slice
from src.common.config import Settings, settings_or_exit
from src.common.startup_errors import StartupError
from src.cos_main import SLICES
from src.db.connection import open_database
from src.db.schema_check import check_schema
from src.db.unavailable import DatabaseUnavailableError
from src.retention import purge_slice


def main() -> None:
    """Purge every module and print how many rows were deleted."""
    settings = settings_or_exit(modules=len(SLICES))
    age = _age(default=settings.l1_retention)
    try:
        asyncio.run(purge_all(settings, [load_slice(package) for package in SLICES], age=age))
    except (DatabaseUnavailableError, StartupError) as refusal:
        sys.exit(str(refusal))


async def purge_all(settings: Settings, slices: Sequence[Slice], *, age: timedelta) -> None:
    """Purge the slices, one after the other, and print a line for each."""
    async with open_database(settings) as database:
        await check_schema(database)
        for part in slices:
            purged = await purge_slice(database, part, age=age)
            print(f"{part.module}: " + ", ".join(f"{count} {kind}" for kind, count in purged.items()))


def _age(*, default: timedelta) -> timedelta:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--older-than-days", type=_days, metavar="DAYS", help="(default: L1_RETENTION_DAYS)")
    days: int | None = parser.parse_args().older_than_days
    return default if days is None else timedelta(days=days)


def _days(given: str) -> int:
    if not given.isdecimal() or not 1 <= int(given) <= 36_500:  # noqa: PLR2004  # a hundred years
        raise argparse.ArgumentTypeError(f"takes whole days, 1 to 36500, not {given}")
    return int(given)


if __name__ == "__main__":
    main()
