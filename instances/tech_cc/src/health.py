"""Liveness and readiness of the process, for the system that restarts it and sends it traffic."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from src.common.background_tasks import BackgroundTasks, TaskState
from src.common.errors import UnavailableError
from src.db.connection import Database
from src.db.schema_check import check_schema
from src.db.unavailable import outages_refused
from src.graph.base import GraphUnavailableError
from src.graph.repository import GraphRepository
from src.highway.consumer import ConsumerState
from src.highway.lifespan import Highway

GRAPH_LIMIT_S: Final = 0.5  # a probe of readiness often gives up after a second

router = APIRouter(prefix="/health", tags=["health"])

Probe = Callable[[], Awaitable[None]]


class Liveness(BaseModel):
    status: Literal["alive"] = "alive"


class Dependency(BaseModel):
    """One thing that the service uses, as it answered just now; `absent` if no setting names it."""

    status: Literal["up", "down", "absent"]
    is_required: bool = True
    latency_ms: float | None = None
    detail: str | None = None


class Readiness(BaseModel):
    """Required `dependencies` decide about the status; all else is shown, and does not stop requests."""

    status: Literal["ready", "not ready"]
    dependencies: dict[str, Dependency]
    consumers: dict[str, ConsumerState]
    background_tasks: dict[str, TaskState]


def get_probes(request: Request) -> dict[str, Probe]:
    """Return a check for each dependency; it raises `UnavailableError` while the dependency cannot be used."""
    database: Database = request.app.state.database
    return {"postgres": lambda: check_connection(database), "schema": lambda: check_schema(database)}


def get_task_states(request: Request) -> dict[str, TaskState]:
    """Return the states of the background tasks."""
    tasks: BackgroundTasks | None = getattr(request.app.state, "background_tasks", None)
    return tasks.states if tasks else {}


def get_highway(request: Request) -> Highway | None:
    """Return the highway; None before the application has started."""
    return getattr(request.app.state, "highway", None)


def get_graph(request: Request) -> GraphRepository | None:
    """Return the graph; None if no setting names one, and before the application has started."""
    return getattr(request.app.state, "graph", None)


@router.get("/live")
async def get_liveness() -> Liveness:
    """Return 200 while the process answers; no dependency is asked."""
    return Liveness()


@router.get("/ready", responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": Readiness}})
async def get_readiness(
    probes: Annotated[dict[str, Probe], Depends(get_probes)],
    tasks: Annotated[dict[str, TaskState], Depends(get_task_states)],
    highway: Annotated[Highway | None, Depends(get_highway)],
    graph: Annotated[GraphRepository | None, Depends(get_graph)],
    response: Response,
) -> Readiness:
    """Return 200 if PostgreSQL answers and has every migration, table and column that this code needs; else 503."""
    dependencies = {name: await _check(probe) for name, probe in probes.items()}
    is_ready = all(dependency.status == "up" for dependency in dependencies.values())
    if not is_ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    redis, neo4j = await asyncio.gather(check_redis(highway), check_graph(graph))
    return Readiness(
        status="ready" if is_ready else "not ready",
        dependencies=dependencies | {"redis": redis, "neo4j": neo4j},
        consumers={name: consumer.state for name, consumer in highway.consumers.items()} if highway else {},
        background_tasks=tasks,
    )


async def check_connection(database: Database) -> None:
    """Return if PostgreSQL answers.

    Raises:
        DatabaseUnavailableError: It does not.
    """
    with outages_refused():
        async with database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))


async def check_redis(highway: Highway | None) -> Dependency:
    """Return the state of Redis, without which everything works, only slower."""
    if highway is None:
        return Dependency(status="absent", is_required=False)
    health = await highway.pubsub.health_check()
    detail = health.detail or health.server
    if health.breaker != "closed":
        detail = f"{detail or ''}; the circuit breaker is {health.breaker}".lstrip("; ")
    return Dependency(status=health.status, is_required=False, latency_ms=health.latency_ms, detail=detail)


async def check_graph(graph: GraphRepository | None) -> Dependency:
    """Return the state of Neo4j, without which everything but the graph's own routes works."""
    if graph is None:
        return Dependency(status="absent", is_required=False)
    started = time.perf_counter()
    try:
        detail = await graph.check(limit_s=GRAPH_LIMIT_S)
    except GraphUnavailableError as outage:
        return Dependency(status="down", is_required=False, detail=str(outage))
    latency_ms = round((time.perf_counter() - started) * 1000, 3)
    return Dependency(status="up", is_required=False, latency_ms=latency_ms, detail=detail)


async def _check(probe: Probe) -> Dependency:
    started = time.perf_counter()
    detail = None
    try:
        await probe()
    except UnavailableError as outage:
        detail = str(outage)
    latency_ms = round((time.perf_counter() - started) * 1000, 3)
    return Dependency(status="down" if detail else "up", latency_ms=latency_ms, detail=detail)
