"""Refuse every request without a valid token before anything of it is read, but for the open paths; pure ASGI."""

import logging
from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from src.common.access.caller import ANYBODY, Caller, caller_of_request
from src.common.access.metadata import METADATA_PATH, metadata_router
from src.common.access.refusals import (
    AccessError,
    InvalidTokenError,
    KeysUnavailableError,
    MissingTokenError,
    handle_access_error,
)
from src.common.access.tokens import TokenVerifier
from src.common.config import Settings
from src.common.errors import handle_refusal

AUTHORIZATION: Final = b"authorization"
SEVERAL: Final = "The request has several Authorization headers. Send one."
OPEN: Final = "The API is open: every request may read and write without a token. %s"

log = logging.getLogger(__name__)


class AccessGuard:
    """Find out who calls; routes have the caller in `request.state.caller` and in `current_caller()`.

    Without a verifier the API is open, and the caller is `ANYBODY`.
    """

    def __init__(self, app: ASGIApp, *, verifier: TokenVerifier | None, open_paths: Sequence[str]) -> None:
        self.app = app
        self.verifier = verifier
        self.open_paths = (*open_paths, METADATA_PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the caller and pass the request on, or answer 401 or 503."""
        if scope["type"] == "lifespan" or self._is_open(scope):
            await self.app(scope, receive, send)
            return
        try:
            caller = await self.verifier.verify(token_of(scope)) if self.verifier else ANYBODY
        except AccessError as refusal:
            await (await handle_access_error(HTTPConnection(scope), refusal))(scope, receive, send)
            return
        except KeysUnavailableError as outage:
            await (await handle_refusal(HTTPConnection(scope), outage))(scope, receive, send)
            return
        await self._pass_on(caller, scope, receive, send)

    async def _pass_on(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["caller"] = caller
        token = caller_of_request.set(caller)
        try:
            await self.app(scope, receive, send)
        finally:
            caller_of_request.reset(token)

    def _is_open(self, scope: Scope) -> bool:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        return any(path == each or path.startswith(f"{each}/") for each in self.open_paths)


def token_of(scope: Scope) -> str:
    """Return the bearer token of a request.

    Raises:
        MissingTokenError: It has none.
        InvalidTokenError: It has several Authorization headers.
    """
    sent = [value for name, value in scope["headers"] if name == AUTHORIZATION]
    if len(sent) > 1:
        raise InvalidTokenError(SEVERAL)
    kind, _, token = sent[0].decode("latin-1").partition(" ") if sent else ("", "", "")
    if kind.lower() != "bearer" or not token.strip():
        raise MissingTokenError
    return token.strip()


def add_access(app: FastAPI, settings: Settings, *, open_paths: Sequence[str], scopes: Sequence[str]) -> None:
    """Guard every path of the application but the open ones; publish where tokens come from."""
    app.state.settings = settings
    app.state.token_verifier = TokenVerifier(settings)
    app.add_exception_handler(AccessError, handle_access_error)
    verifier = None if settings.is_open else app.state.token_verifier
    app.add_middleware(AccessGuard, verifier=verifier, open_paths=open_paths)
    if settings.oidc_issuer:
        app.include_router(metadata_router(settings, scopes=scopes))


def say_if_open(settings: Settings) -> None:
    """Log one line if the API is open."""
    if settings.is_open:
        why = "ACCESS=open says so." if settings.access == "open" else "Set OIDC_ISSUER to guard it (docs/access.md)."
        log.warning(OPEN, why)
