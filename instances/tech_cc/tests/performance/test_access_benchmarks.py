"""What the guard costs a request: the same route without it, with a token that is remembered, and with one that is not.

The application is called in process, without a client or a server, so that nothing else is measured.
"""

from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Final

import pytest
from fastapi import FastAPI
from pytest_benchmark.fixture import BenchmarkFixture
from starlette.types import Message, Scope

from issue_token import LocalIssuer
from ratios import Compare, Work
from src.common.access.guard import AccessGuard
from src.common.access.scopes import requires
from src.common.access.tokens import TokenVerifier
from src.common.config import Settings

pytestmark = pytest.mark.benchmark

ROUNDS: Final = 2000
COST_LIMIT_S: Final = 0.00015


def request_of(app: FastAPI, token: str) -> Work:
    """Return what sends one request to the application."""
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/nothing",
        "raw_path": b"/nothing",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"test"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("test", 1),
        "server": ("test", 80),
    }
    return lambda: respond(app, {**scope, "state": {}})


async def respond(app: Callable[..., Awaitable[None]], scope: Scope) -> None:
    statuses = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    assert statuses[0] == 200


def app_with(verifier: TokenVerifier | None) -> FastAPI:
    """Return an application of one route, with the guard and a scope, or with neither."""
    app = FastAPI()

    @app.get("/nothing", dependencies=[requires("seats:read")] if verifier else [])
    async def get_nothing() -> None:
        """Do nothing."""

    if verifier:
        app.add_middleware(AccessGuard, verifier=verifier, open_paths=[])
    return app


def test_the_guard_costs_little(
    compare: Compare, benchmark: BenchmarkFixture, tmp_path_factory: pytest.TempPathFactory
) -> None:
    issuer = LocalIssuer(tmp_path_factory.mktemp("issuer"))
    settings = Settings.model_validate(issuer.settings)
    verifiers = {
        "without a guard": None,
        "token remembered": TokenVerifier(settings, remembered_s=3600),
        "token verified": TokenVerifier(settings, remembered_s=0),
    }
    token = issuer.issue("seats:read", "seats:write")
    works = {name: request_of(app_with(verifier), token) for name, verifier in verifiers.items()}

    samples = compare("guard", works, rounds=ROUNDS)

    cost_s = median(samples["token remembered"]) - median(samples["without a guard"])
    assert benchmark.disabled or cost_s <= COST_LIMIT_S
