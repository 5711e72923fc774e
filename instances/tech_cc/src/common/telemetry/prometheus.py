"""Metrics of this process for Prometheus, at /metrics if the setting PROMETHEUS is on."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from src.common.config import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def prometheus_registry(settings: Settings) -> "CollectorRegistry | None":
    """Return what collects the metrics for Prometheus; None if the setting is off."""
    if not settings.prometheus:
        return None
    from prometheus_client import CollectorRegistry  # noqa: PLC0415  # only a service that uses it pays for the import

    return CollectorRegistry()


def metrics_router(registry: "CollectorRegistry") -> APIRouter:
    """Return the route that Prometheus scrapes."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415  # as above

    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def get_metrics() -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
