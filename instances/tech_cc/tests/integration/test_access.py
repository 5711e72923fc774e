"""The guard of the whole application: who is let in, who is refused and how, and what the log says of the caller."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import Request
from httpx2 import ASGITransport, AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bad_tokens import BAD_TOKENS
from collector import running_collector
from issue_token import ISSUER, LocalIssuer
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.access.caller import ANYBODY, current_caller
from src.common.config import Settings
from src.cos_main import SLICES, app, create_app
from src.l1.entries import Event, new_record

MODULES = [load_slice(package).module for package in SLICES]
MODULE = load_slice(SAMPLE_SLICE).module
METADATA = "http://test/.well-known/oauth-protected-resource"
CHALLENGE = f'resource_metadata="{METADATA}"'


def bearer(token: str) -> dict[bytes, bytes]:
    """Return the header with a token; any bytes may be in it."""
    return {b"authorization": b"Bearer " + token.encode("utf-8")}


def operations() -> Iterator[tuple[str, str, str, str]]:
    """Yield method, path, and module of every operation of a slice, and the scope that it needs."""
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            for module in operation.get("tags", []):
                if module in MODULES:
                    filled = re.sub(r"\{\w+_id\}", str(uuid4()), path).replace("{component}", "database")
                    kind = "read" if method == "get" else "write"
                    yield method.upper(), filled, module, f"{module}:{kind}"


def assert_problem(answer: Response, status: int) -> str:
    """Check the form of a refusal, and return its challenge."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    return str(answer.headers.get("www-authenticate", ""))


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/.well-known/oauth-protected-resource"])
async def test_health_and_metadata_are_open(guarded_client: AsyncClient, path: str) -> None:
    assert (await guarded_client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/openapi.json", "/metrics", "/test-log", "/", "/nowhere", "/healthy", "/.well-known/x"]
)
async def test_everything_else_needs_a_token(guarded_client: AsyncClient, issuer: LocalIssuer, path: str) -> None:
    assert assert_problem(await guarded_client.get(path), 401) == f"Bearer {CHALLENGE}"
    assert (await guarded_client.get(path, headers=bearer(issuer.issue()))).status_code != 401


async def test_every_operation_of_a_slice_needs_its_scope(guarded_client: AsyncClient, issuer: LocalIssuer) -> None:
    calls = list(operations())
    assert len(calls) > 10
    for method, path, module, scope in calls:
        other = f"{module}:{'write' if scope.endswith('read') else 'read'}"
        for scopes in ([], [other], ["other:read", "other:write"], [module], [f"{module}:*"], [scope.upper()]):
            headers = bearer(issuer.issue(*scopes))
            challenge = assert_problem(await guarded_client.request(method, path, headers=headers), 403)
            assert challenge.startswith('Bearer error="insufficient_scope", error_description="This needs')
            assert challenge.endswith(f'scope="{scope}", {CHALLENGE}'), (method, path)
        answer = await guarded_client.request(method, path, headers=bearer(issuer.issue(scope)))
        assert answer.status_code not in (401, 403), (method, path)


async def test_the_description_says_that_operations_take_a_token(client: AsyncClient) -> None:
    description = (await client.get("/openapi.json")).json()

    assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, methods in description["paths"].items():
        for operation in methods.values():
            is_guarded = bool(set(operation.get("tags", [])) & {*MODULES, "graph", "mcp"})
            assert operation.get("security") == ([{"token": []}] if is_guarded else None), path
            assert ({"401", "403"} <= operation["responses"].keys()) is is_guarded


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_a_bad_token_is_a_401_that_says_nothing_about_it(
    guarded_client: AsyncClient, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    token = BAD_TOKENS[name](issuer)
    caplog.set_level(logging.DEBUG)

    answer = await guarded_client.get(f"/{MODULE}/modules", headers=bearer(token))

    challenge = assert_problem(answer, 401)
    assert challenge.startswith('Bearer error="invalid_token", error_description="')
    assert challenge.endswith(CHALLENGE)
    assert answer.json()["type"] == "urn:cos:problem:token-invalid"
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith(("src", "uvicorn")))
    assert ours == ""
    assert len(token) < 10 or token not in caplog.text + answer.text + challenge


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "\u00ff", "Bearer\t"])
async def test_another_kind_of_authorization_is_none(guarded_client: AsyncClient, value: str) -> None:
    answer = await guarded_client.get("/docs", headers={b"authorization": value.encode("latin-1")})

    assert assert_problem(answer, 401) == f"Bearer {CHALLENGE}"


async def test_several_tokens_are_refused(guarded_client: AsyncClient, issuer: LocalIssuer) -> None:
    headers = [("authorization", f"Bearer {issuer.issue()}")] * 2

    assert 'error="invalid_token"' in assert_problem(await guarded_client.get("/docs", headers=headers), 401)


async def test_a_token_in_the_query_is_not_looked_at(guarded_client: AsyncClient, issuer: LocalIssuer) -> None:
    assert_problem(await guarded_client.get("/docs", params={"access_token": issuer.issue()}), 401)


async def test_the_word_bearer_may_be_written_in_any_case(guarded_client: AsyncClient, issuer: LocalIssuer) -> None:
    for word in ("bearer", "BEARER"):
        answer = await guarded_client.get("/docs", headers={"authorization": f"{word} {issuer.issue()}"})
        assert answer.status_code == 200


@pytest.mark.parametrize("host", ['a"b', "a b", "a\\b", "test/path?x", "\u00e9"])
async def test_a_host_that_is_no_host_is_not_repeated(guarded_client: AsyncClient, host: str) -> None:
    answer = await guarded_client.get("/docs", headers={b"host": host.encode("latin-1")})

    assert host not in assert_problem(answer, 401)


async def test_the_metadata_name_the_issuer_and_the_scopes(guarded_client: AsyncClient) -> None:
    answer = await guarded_client.get("/.well-known/oauth-protected-resource")

    assert answer.json() == {
        "resource": "http://test",
        "authorization_servers": [ISSUER],
        "scopes_supported": [f"{module}:{kind}" for module in MODULES for kind in ("read", "write")],
        "bearer_methods_supported": ["header"],
    }


async def test_the_public_address_is_the_one_of_the_settings(guarded: Callable[..., Settings]) -> None:
    app = create_app(guarded(public_url="https://cos.example.com/"))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        metadata = await client.get("/.well-known/oauth-protected-resource", headers={"host": "evil.example"})
        refusal = await client.get("/docs", headers={"host": "evil.example"})

    assert metadata.json()["resource"] == "https://cos.example.com"
    assert "https://cos.example.com/.well-known" in refusal.headers["www-authenticate"]


async def test_without_the_issuers_keys_the_service_is_unavailable(
    guarded: Callable[..., Settings], issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(guarded(oidc_jwks_url="file:///no/such/keys.json"))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        answers = [await client.get("/docs", headers=bearer(issuer.issue())) for _ in range(3)]

    for answer in answers:
        assert assert_problem(answer, 503) == ""
        assert answer.json()["type"] == "urn:cos:problem:issuer-keys-unavailable"
        assert answer.headers["retry-after"] == "1"
    assert caplog.text.count("FileNotFoundError") == 1
    assert "Traceback" not in caplog.text


async def test_every_record_says_who_called(
    guarded_client: AsyncClient, issuer: LocalIssuer, test_db_session: AsyncSession
) -> None:
    headers = bearer(issuer.issue(f"{MODULE}:write", subject="ana"))
    answers = [
        await guarded_client.post(f"/{MODULE}/modules", json={"name": "a", "version": "1"}, headers=headers),
        await guarded_client.put(f"/{MODULE}/health/queue", json={"status": "healthy"}, headers=headers),
        await guarded_client.post(f"/{MODULE}/test-log", json={}, headers=headers),
    ]

    log = load_slice(SAMPLE_SLICE).log
    subjects = await test_db_session.scalars(text(f"SELECT subject FROM {log.schema}.base_log"))
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert list(subjects) == ["ana"] * 3


async def test_while_the_api_is_open_nobody_is_named(client: AsyncClient, test_db_session: AsyncSession) -> None:
    headers = bearer("whatever")
    answer = await client.post(f"/{MODULE}/modules", json={"name": "a", "version": "1"}, headers=headers)

    log = load_slice(SAMPLE_SLICE).log
    assert answer.status_code == 201
    assert list(await test_db_session.scalars(text(f"SELECT subject FROM {log.schema}.base_log"))) == [None]


def test_outside_of_a_request_a_record_names_nobody() -> None:
    assert new_record(load_slice(SAMPLE_SLICE).log, [Event("a.b")]).base[-1] is None


async def test_routes_find_the_caller(guarded: Callable[..., Settings], issuer: LocalIssuer) -> None:
    found: list[object] = []
    for settings in (guarded(), guarded(access="open")):
        app = create_app(settings)

        @app.get("/who")
        async def who(request: Request) -> None:
            assert request.state.caller is current_caller()
            found.append(current_caller())

        async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
            await client.get("/who", headers=bearer(issuer.issue("a:read", subject="ana")))

    guarded_caller, open_caller = found
    assert getattr(guarded_caller, "subject", None) == "ana"
    assert open_caller is ANYBODY
    assert current_caller() is None


@pytest.mark.parametrize(("access", "lines"), [("auto", []), ("open", ["The API is open"])])
async def test_an_open_api_says_so_once_at_start(
    guarded: Callable[..., Settings], caplog: pytest.LogCaptureFixture, access: str, lines: list[str]
) -> None:
    app = create_app(guarded(access=access))
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client,
    ):
        assert (await client.get("/docs")).status_code == (200 if access == "open" else 401)

    said = [record.getMessage().partition(":")[0] for record in caplog.records if record.name.endswith("access.guard")]
    assert said == lines


async def test_no_token_and_no_claim_is_in_a_log_line_or_a_span(
    guarded: Callable[..., Settings], issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret: dict[str, Any] = {"subject": "s3cret", "client_id": "s3cret", "email": "s3cret@example.com"}
    tokens = [issuer.issue(f"{MODULE}:read", **secret), issuer.issue(**secret), issuer.issue(lifetime_s=-99, **secret)]
    with running_collector() as collector:
        app = create_app(guarded(otel_exporter_otlp_endpoint=collector.url))
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client,
        ):
            answers = [await client.get(f"/{MODULE}/modules", headers=bearer(token)) for token in tokens]

    assert [answer.status_code for answer in answers] == [200, 403, 401]
    shown = b"".join(collector.bodies) + caplog.text.encode() + b"".join(answer.content for answer in answers)
    assert b"/modules" in shown
    assert b"s3cret" not in shown
    assert not any(part.encode() in shown for token in tokens for part in token.split("."))
