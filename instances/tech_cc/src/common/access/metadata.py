"""What RFC 9728 publishes about the service, so that a client finds the issuer of its tokens by itself."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.requests import HTTPConnection

from src.common.config import Settings

METADATA_PATH: Final = "/.well-known/oauth-protected-resource"


def public_url(connection: HTTPConnection) -> str:
    """Return the address of the service without a slash at its end: `PUBLIC_URL`, else as this client wrote it."""
    settings: Settings = connection.app.state.settings
    return settings.public_url or str(connection.base_url).rstrip("/")


def metadata_url(connection: HTTPConnection) -> str | None:
    """Return the address of the metadata; None without an issuer."""
    settings: Settings = connection.app.state.settings
    return f"{public_url(connection)}{METADATA_PATH}" if settings.oidc_issuer else None


def resource_metadata(settings: Settings, *, resource: str, scopes: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of a resource: the service, or a part of it that has an address of its own."""
    return {
        "resource": resource,
        "authorization_servers": [settings.oidc_issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
    }


def metadata_router(settings: Settings, *, scopes: Sequence[str]) -> APIRouter:
    """Return the route, which needs no token."""
    router = APIRouter(tags=["access"])

    @router.get(METADATA_PATH)
    async def get_resource_metadata(request: Request) -> dict[str, Any]:
        """Say which issuer's tokens the service accepts, and which scopes there are (RFC 9728)."""
        return resource_metadata(settings, resource=public_url(request), scopes=scopes)

    return router
