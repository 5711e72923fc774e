"""Check that the database has the migrations, tables and columns that this code needs."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import asyncpg
from fastapi import FastAPI, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from src.common.errors import handle_refusal
from src.db.base import Base
from src.db.connection import Database
from src.db.unavailable import DatabaseUnavailableError, outages_refused

ALEMBIC_INI: Final = Path(__file__).resolve().parents[2] / "alembic.ini"
MIGRATE: Final = "Run `alembic upgrade heads`; if that changes nothing, check MEM0_SCHEMA."
HAS_REVISIONS: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"
REVISIONS: Final = "SELECT version_num FROM alembic_version"
MISSING_COLUMN: Final = """
SELECT wanted.place || '.' || wanted.name
FROM unnest(CAST(:places AS text[]), CAST(:names AS text[])) AS wanted (place, name)
LEFT JOIN pg_attribute AS found
    ON found.attrelid = to_regclass(wanted.place) AND found.attname = wanted.name AND NOT found.attisdropped
WHERE found.attname IS NULL LIMIT 1
"""
MISSING_OBJECT_ERRORS: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
)


@dataclass(frozen=True, slots=True)
class CodeRevisions:
    """The migrations of this code: the newest of each module, and for each of these all that it builds on."""

    heads: frozenset[str]
    ancestors: dict[str, frozenset[str]]

    def pending(self, applied: set[str]) -> list[str]:
        """Return the heads that a database with these applied revisions lacks.

        A revision that this code does not know means that a newer release has migrated the database. That is not a
        fault: the newer release keeps the tables of this one usable while both run.
        """
        unknown = applied - self.heads.union(*self.ancestors.values())
        missing = self.heads - applied
        return sorted(head for head in missing if not unknown or self.ancestors[head] & applied)


@cache
def code_revisions() -> CodeRevisions:
    """Return the migrations of this code, read once: the application calls this when it starts, in a thread."""
    from alembic.config import Config  # noqa: PLC0415  # costs 0.1 s, and only a service that starts needs it
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory.from_config(Config(ALEMBIC_INI))
    heads = frozenset(scripts.get_heads(consider_depends_on=True))
    lines = {head: scripts.iterate_revisions(head, "base") for head in heads}
    return CodeRevisions(
        heads, {head: frozenset(one.revision for one in line) - {head} for head, line in lines.items()}
    )


async def check_schema(database: Database) -> None:
    """Return if the database has what this code needs.

    Raises:
        DatabaseUnavailableError: A migration, table or column is missing, or PostgreSQL does not answer.
    """
    with outages_refused():
        async with database.engine.connect() as connection:
            if pending := code_revisions().pending(await _applied_revisions(connection)):
                raise DatabaseUnavailableError(f"The database lacks the migration {pending[0]}. {MIGRATE}")
            if missing := await _missing_column(connection):
                raise DatabaseUnavailableError(f"The database lacks the column {missing}. {MIGRATE}")


def add_schema_error_handler(app: FastAPI) -> None:
    """Answer 503 to SQL that names a missing table or column while the schema is out of date; otherwise it is a bug."""
    for error in (ProgrammingError, *MISSING_OBJECT_ERRORS):
        app.add_exception_handler(error, handle_missing_object)


async def handle_missing_object(request: Request, error: Exception) -> Response:
    """Answer 503 if `check_schema` finds the reason for the error, and let any other error be a 500.

    FastAPI calls the handler twice for an error that is raised again: for the route and for the application.
    """
    cause = error.driver_exception if isinstance(error, ProgrammingError) else error
    if isinstance(cause, MISSING_OBJECT_ERRORS) and not hasattr(request.state, "has_checked_schema"):
        request.state.has_checked_schema = True
        try:
            await check_schema(request.app.state.database)
        except DatabaseUnavailableError as outage:
            outage.__cause__ = outage.__cause__ or error
            return await handle_refusal(request, outage)
    raise error


async def _applied_revisions(connection: AsyncConnection) -> set[str]:
    if not await connection.scalar(text(HAS_REVISIONS)):
        return set()
    return set(await connection.scalars(text(REVISIONS)))


async def _missing_column(connection: AsyncConnection) -> str | None:
    columns = [(key, column.name) for key, table in Base.metadata.tables.items() for column in table.columns]
    places, names = zip(*columns, strict=True)
    missing: str | None = await connection.scalar(text(MISSING_COLUMN), {"places": list(places), "names": list(names)})
    return missing
