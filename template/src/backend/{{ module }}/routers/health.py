"""Health reports of the system's components."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from src.common.errors import BODY_ERRORS, PATH_ERRORS

from ..deps import MODULE_ACCESS, DbSession, ReadSession, RecordingRoute
from ..schemas import HealthReport, HealthStatusRead, Name, SystemHealth
from ..services import health

router = APIRouter(prefix="/health", route_class=RecordingRoute, dependencies=[MODULE_ACCESS])

Component = Annotated[Name, Path(description="Name of the reporting component.")]


@router.get("")
async def get_health_summary(session: ReadSession) -> SystemHealth:
    """Return the worst status of all components, and their reports, worst first."""
    return await health.summarize_health(session)


@router.put("/{component}", responses=BODY_ERRORS)
async def put_health_status(component: Component, report: HealthReport, session: DbSession) -> HealthStatusRead:
    """Store a component's report, which replaces its last one."""
    return await health.report_health(session, component=component, report=report)


@router.get("/{component}", responses=PATH_ERRORS)
async def get_health_status(component: Component, session: ReadSession) -> HealthStatusRead:
    """Return the last report of a component."""
    return await health.get_health_status(session, component=component)


@router.delete("/{component}", status_code=HTTPStatus.NO_CONTENT, responses=PATH_ERRORS)
async def delete_health_status(component: Component, session: DbSession) -> None:
    """Delete the report of a component."""
    await health.forget_component(session, component=component)
