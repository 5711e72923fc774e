"""Liveness and readiness of the process, for whoever restarts it or sends it traffic."""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from src.common.errors import UnavailableError
from src.db.base import Base
from src.db.connection import Database
from src.db.unavailable import MIGRATE, outages_refused

router = APIRouter(prefix="/health", tags=["health"])

MISSING_TABLES = "SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NULL LIMIT 1"

Probe = Callable[[], Awaitable[None]]


class Liveness(BaseModel):
    status: Literal["alive"] = "alive"


class Dependency(BaseModel):
    """One thing that the service cannot do without, as it answered just now."""

    status: Literal["up", "down"]
    latency_ms: float
    detail: str | None = None


class Readiness(BaseModel):
    status: Literal["ready", "not ready"]
    dependencies: dict[str, Dependency]


def get_probes(request: Request) -> dict[str, Probe]:
    """Return how to ask each dependency whether it is there; a probe raises `UnavailableError` where it is not."""
    database: Database = request.app.state.database
    return {"postgres": lambda: _ask_postgres(database), "tables": lambda: _look_for_tables(database)}


@router.get("/live")
async def get_liveness() -> Liveness:
    """Say that the process answers; asks nothing of anybody else."""
    return Liveness()


@router.get("/ready", responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": Readiness}})
async def get_readiness(probes: Annotated[dict[str, Probe], Depends(get_probes)], response: Response) -> Readiness:
    """Ask every dependency; 503 while one of them is away."""
    dependencies = {name: await _ask(probe) for name, probe in probes.items()}
    if all(dependency.status == "up" for dependency in dependencies.values()):
        return Readiness(status="ready", dependencies=dependencies)
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(status="not ready", dependencies=dependencies)


async def _ask(probe: Probe) -> Dependency:
    started = time.perf_counter()
    detail = None
    try:
        await probe()
    except UnavailableError as away:
        detail = str(away)
    latency_ms = round((time.perf_counter() - started) * 1000, 3)
    return Dependency(status="down" if detail else "up", latency_ms=latency_ms, detail=detail)


async def _ask_postgres(database: Database) -> None:
    await _execute(database, "SELECT 1")


async def _look_for_tables(database: Database) -> None:
    missing = await _execute(database, MISSING_TABLES, names=sorted(Base.metadata.tables))
    if missing:
        raise UnavailableError(f"The database lacks the table {missing}. {MIGRATE}")


async def _execute(database: Database, sql: str, **parameters: Any) -> Any:
    """Return the first value of the first row."""
    with outages_refused():
        async with database.engine.connect() as connection:
            return await connection.scalar(text(sql), parameters)
