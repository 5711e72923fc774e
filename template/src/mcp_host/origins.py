"""Refuse requests that a foreign web page sends, under a name of its own for this machine (DNS rebinding)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from src.common.config import Settings
from src.common.errors import RefusalError
from src.common.http_security import HostPatterns

THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


class ForeignHostError(RefusalError):
    problem_type: ClassVar[str] = "foreign-host"
    status = HTTPStatus.MISDIRECTED_REQUEST

    def __init__(self) -> None:
        super().__init__("The Host header names another service. If it is this one, add it to TRUSTED_HOSTS.")


class ForeignOriginError(RefusalError):
    problem_type: ClassVar[str] = "foreign-origin"
    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("The Origin header names a foreign web page. Add it to CORS_ORIGINS to allow it.")


class KnownHosts:
    """The hosts under which MCP clients reach the service, on any port, and the web pages that may use it.

    The hosts are those of TRUSTED_HOSTS, else this machine; and that of PUBLIC_URL. The pages are those of
    CORS_ORIGINS, and those that the hosts serve.
    """

    def __init__(self, settings: Settings) -> None:
        public = urlsplit(settings.public_url).hostname or ""
        self._hosts = HostPatterns([*(settings.trusted_hosts or THIS_MACHINE), public])
        self._origins: Sequence[str] = settings.cors_origins

    def check(self, headers: Headers) -> None:
        """Return if Host and Origin are known; a request without Origin comes from no web page.

        Raises:
            ForeignHostError: Host is not known, or missing.
            ForeignOriginError: Origin is not known.
        """
        if not self._hosts.match(f"//{headers.get('host', '')}"):
            raise ForeignHostError
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins and not self._hosts.match(origin):
            raise ForeignOriginError
