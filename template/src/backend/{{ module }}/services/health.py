"""Store health reports, and summarize them."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from src.common.errors import NotFoundError
from src.common.tracing import traced
from src.db.autocommit import AnySession

from .. import crud
from ..identity import MODULE
from ..schemas import Health, HealthReport, HealthStatusRead, SystemHealth

COMPONENT_LIMIT = 200
WORST_FIRST: Sequence[Health] = ("unhealthy", "degraded", "healthy")


class ComponentUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "component-unknown"

    def __init__(self, *, component: str) -> None:
        super().__init__(f"The component {component} has reported nothing. List all reports at /{MODULE}/health.")


@traced(layer="service")
async def report_health(session: AnySession, *, component: str, report: HealthReport) -> HealthStatusRead:
    """Return the component's report, which replaces its last one."""
    row = await crud.upsert_health_status(session, component=component, **report.model_dump())
    return HealthStatusRead.model_validate(row)


@traced(layer="service")
async def summarize_health(session: AnySession) -> SystemHealth:
    """Return the worst status of all, and the worst `COMPONENT_LIMIT` reports."""
    reports = [
        HealthStatusRead.model_validate(report)
        for report in await crud.get_system_health(session, limit=COMPONENT_LIMIT)
    ]
    return SystemHealth(status=worst(report.status for report in reports), components=reports)


@traced(layer="service")
async def get_health_status(session: AnySession, *, component: str) -> HealthStatusRead:
    """Return the last report of a component.

    Raises:
        ComponentUnknownError: It has not reported.
    """
    report = await crud.get_health_status(session, component=component)
    if report is None:
        raise ComponentUnknownError(component=component)
    return HealthStatusRead.model_validate(report)


@traced(layer="service")
async def forget_component(session: AnySession, *, component: str) -> None:
    """Remove a component's report.

    Raises:
        ComponentUnknownError: There is none.
    """
    if not await crud.delete_health_status(session, component=component):
        raise ComponentUnknownError(component=component)


def worst(statuses: Iterable[Health]) -> Health:
    """Return the worst of the statuses; `healthy` if there are none."""
    return min(statuses, key=WORST_FIRST.index, default="healthy")
