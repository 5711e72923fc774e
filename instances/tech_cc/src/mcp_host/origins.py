"""Refuse requests that a foreign web page sent, with a name of its own for this machine (DNS rebinding)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from src.common.config import Settings
from src.common.errors import RefusalError


class ForeignHostError(RefusalError):
    problem_type: ClassVar[str] = "foreign-host"
    status = HTTPStatus.MISDIRECTED_REQUEST

    def __init__(self) -> None:
        super().__init__("The Host header names another service. Add the name to MCP_ALLOWED_HOSTS if it is this one.")


class ForeignOriginError(RefusalError):
    problem_type: ClassVar[str] = "foreign-origin"
    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("The Origin header names a foreign web page. Add its host to MCP_ALLOWED_HOSTS to allow it.")


def allowed_hosts(settings: Settings) -> Sequence[str]:
    """Return MCP_ALLOWED_HOSTS, and the host of PUBLIC_URL if there is one."""
    public = urlsplit(settings.public_url).netloc
    return (*settings.mcp_allowed_hosts, *([public] if public else []))


def check_host_and_origin(headers: Headers, allowed: Sequence[str]) -> None:
    """Return if Host and Origin are allowed; a request without Origin comes from no web page.

    Raises:
        ForeignHostError: Host is not allowed, or missing.
        ForeignOriginError: Origin is not allowed.
    """
    if not _is_allowed(headers.get("host", ""), allowed):
        raise ForeignHostError
    origin = headers.get("origin")
    if origin is not None and not _is_allowed(origin.partition("://")[2], allowed):
        raise ForeignOriginError


def _is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Return whether a host with its port is in the list; an entry `name:*` allows every port, and none."""
    name, _, port = host.rpartition(":") if host.rpartition(":")[2].isdecimal() else (host, "", "")
    return host in allowed or (f"{name}:*" in allowed and (not port or port.isdecimal()))
