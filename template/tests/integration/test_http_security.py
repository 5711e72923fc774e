"""What browsers, other hosts and production see of the service."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient

from slices import SAMPLE_SLICE
from src.application import build_app
from src.common.config import Settings
from src.cos_main import SLICES

ORIGIN = "https://app.example.com"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}

type Serve = Callable[..., AbstractAsyncContextManager[AsyncClient]]


@pytest.fixture
def serve(settings: Settings) -> Serve:
    """Return a client of an application with other settings; its database is not opened."""

    @asynccontextmanager
    async def serve(**changes: Any) -> AsyncIterator[AsyncClient]:
        app = build_app(settings.model_copy(update=changes), SLICES)
        async with AsyncClient(transport=ASGITransport(app), base_url="https://api.example.com") as client:
            yield client

    return serve


async def test_every_response_has_the_security_headers(serve: Serve) -> None:
    async with serve() as client:
        answers = [await client.get(path) for path in ("/health/live", "/docs", "/nowhere")]

    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Strict-Transport-Security" not in answer.headers


async def test_browsers_are_told_to_use_https_if_a_setting_says_so(serve: Serve) -> None:
    async with serve(hsts_max_age_s=3600) as client:
        assert (await client.get("/health/live")).headers["Strict-Transport-Security"] == "max-age=3600"


async def test_no_other_origin_may_read_unless_it_is_named(serve: Serve) -> None:
    async with serve() as client:
        answer = await client.get("/health/live", headers={"Origin": ORIGIN})

    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_named_origin_may_read_and_change(serve: Serve) -> None:
    async with serve(cors_origins=(ORIGIN,)) as client:
        answer = await client.get("/health/live", headers={"Origin": ORIGIN})
        preflight = await client.options("/anything", headers=PREFLIGHT)
        stranger = await client.get("/health/live", headers={"Origin": "https://evil.example"})

    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert preflight.status_code == 200
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Headers"] == "if-match"
    assert "Access-Control-Allow-Origin" not in stranger.headers


async def test_credentials_are_allowed_by_a_setting(serve: Serve) -> None:
    async with serve(cors_origins=(ORIGIN,), cors_credentials=True) as client:
        answer = await client.get("/health/live", headers={"Origin": ORIGIN})

    assert answer.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize("host", ["api.example.com", "API.example.com:8000", "a.example.org", "[::1]:8000"])
async def test_a_known_host_is_served(serve: Serve, host: str) -> None:
    async with serve(trusted_hosts=("api.example.com", "*.example.org", "[::1]")) as client:
        assert (await client.get("/health/live", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "example.org", "api.example.com.evil.example", "", "evilexample.org"])
async def test_another_host_is_refused(serve: Serve, host: str) -> None:
    async with serve(trusted_hosts=("api.example.com", "*.example.org")) as client:
        answer = await client.get("/health/live", headers={"Host": host})

    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:cos:problem:unknown-host"
    assert "TRUSTED_HOSTS" in answer.json()["detail"]
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("docs", "environment", "status"),
    [("auto", "development", 200), ("auto", "production", 404), ("on", "production", 200), ("off", "test", 404)],
)
async def test_the_description_is_served_unless_it_is_switched_off(
    serve: Serve, docs: str, environment: str, status: int
) -> None:
    async with serve(docs=docs, environment=environment, access="open") as client:
        answers = [await client.get(path) for path in ("/docs", "/redoc", "/openapi.json")]

    assert [answer.status_code for answer in answers] == [status] * 3
    assert all("/docs lists" not in answer.text for answer in answers)


async def test_a_smaller_body_limit_is_obeyed(serve: Serve) -> None:
    async with serve(body_limit_bytes=2000) as client:
        module = SAMPLE_SLICE.rpartition(".")[2]
        answer = await client.post(f"/{module}/modules", json={"name": "a" * 3000})

    assert answer.status_code == 413
