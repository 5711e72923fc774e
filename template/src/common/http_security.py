"""Which hosts and browser origins may use the API, and the response headers that browsers obey; pure ASGI."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.common.config import Settings
from src.common.errors import ProblemResponse
from src.common.request_id_middleware import HEADER as REQUEST_ID_HEADER

# As OWASP's cheat sheet for REST advises; a policy that forbids scripts would break /docs.
SECURITY_HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
}
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
EXPOSED_HEADERS: Final = [REQUEST_ID_HEADER, "ETag", "Location", "Retry-After", "WWW-Authenticate"]
UNKNOWN_HOST: Final = "The Host header names a host that this service does not serve. Add it to TRUSTED_HOSTS."


class SecurityHeaders:
    """Add the headers to each response that does not set them itself."""

    def __init__(self, app: ASGIApp, *, hsts_max_age_s: int) -> None:
        self.app = app
        self.headers = dict(SECURITY_HEADERS)
        if hsts_max_age_s:
            self.headers[b"strict-transport-security"] = b"max-age=%d" % hsts_max_age_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `send` that adds the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                present = {name.lower() for name, _ in own}
                message["headers"] = own + [pair for pair in self.headers.items() if pair[0] not in present]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class HostPatterns:
    """Names of hosts, and patterns such as `*.example.com`, as TRUSTED_HOSTS lists them."""

    def __init__(self, patterns: Iterable[str]) -> None:
        given = [pattern.lower() for pattern in patterns if pattern]
        self._names = {pattern.strip("[]") for pattern in given if not pattern.startswith("*.")}
        self._suffixes = tuple(pattern[1:] for pattern in given if pattern.startswith("*."))

    def match(self, url: str) -> bool:
        """Return whether a URL is a host of these, on any port, and nothing more; `//host` is one."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname or "", parts.port
        except ValueError:
            return False
        has_more = "@" in parts.netloc or parts.path or parts.query or parts.fragment
        return not has_more and (host in self._names or (bool(self._suffixes) and host.endswith(self._suffixes)))


class TrustedHosts:
    """Answer 400 to requests for other hosts. Starlette's middleware does so in plain text."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = HostPatterns(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its host is known."""
        if scope["type"] != "http" or self.hosts.match(f"//{_host_of(scope)}"):
            await self.app(scope, receive, send)
            return
        refusal = ProblemResponse(Request(scope), HTTPStatus.BAD_REQUEST, UNKNOWN_HOST, problem_type="unknown-host")
        await refusal(scope, receive, send)


def add_http_security(app: FastAPI, settings: Settings) -> None:
    """Add what the settings ask for: security headers always, known hosts and CORS if they are named."""
    if settings.trusted_hosts:
        app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=settings.cors_credentials,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
        )
    app.add_middleware(SecurityHeaders, hsts_max_age_s=settings.hsts_max_age_s)


def _host_of(scope: Scope) -> str:
    """Return the Host header of a request; empty if it has none or several."""
    sent = [value for name, value in scope["headers"] if name == b"host"]
    return sent[0].decode("latin-1") if len(sent) == 1 else ""
