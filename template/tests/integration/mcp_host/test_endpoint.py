"""What the address of an MCP server answers to requests that no client of the protocol sends, or should send."""

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from mcp_client import VERSIONS, connected, data_of, envelope, headers_for, text_of
from slices import SAMPLE_SLICE, SLICES_WITH_MCP
from src.backend.slice import load_slice
from src.common.config import DevToken, Settings
from src.cos_main import create_app
from src.db.connection import Database
from src.mcp_host.routes import open_mcp

MODULE = load_slice(SAMPLE_SLICE).module
PATH = f"/{MODULE}/mcp"
AUDIENCE = "tests"
CALL = "tools/call"


@asynccontextmanager
async def serving(database: Database, settings: Settings, **changed: Any) -> AsyncIterator[AsyncClient]:
    """Yield a client of an application with these settings, on a database that it leaves as it was."""
    changed_settings = settings.model_copy(update=changed)
    app = create_app(changed_settings)
    app.state.database = database
    hosts = [load_slice(package).mcp_host(changed_settings, database) for package in SLICES_WITH_MCP]
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        open_mcp(hosts) as app.state.mcp_servers,
        AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        yield http


@pytest.fixture
async def http(mcp_http: AsyncClient, caplog: pytest.LogCaptureFixture) -> AsyncIterator[AsyncClient]:
    """A client; no request may make the service log a traceback."""
    caplog.set_level(logging.INFO)
    yield mcp_http
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


def tokens(**scopes: str) -> dict[str, Any]:
    """Return settings with a token for each name, which has these scopes."""
    known = [
        DevToken(
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            subject=name,
            audience=AUDIENCE,
            scopes=tuple(given.split()),
        )
        for name, given in scopes.items()
    ]
    return {"dev_tokens": tuple(known), "oidc_audience": (AUDIENCE,)}


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


async def send(
    http: AsyncClient, method: str = "tools/list", headers: dict[str, str] | None = None, **params: Any
) -> Response:
    """Send a request of 2026-07-28."""
    name = params.get("name", params.get("uri", ""))
    given = headers_for(method, name) | (headers or {})
    return await http.post(PATH, json=envelope(method, **params), headers=given)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, HTTPStatus.MISDIRECTED_REQUEST),
        ({"Host": "localhost.evil.example"}, HTTPStatus.MISDIRECTED_REQUEST),
        ({"Host": "localhost:80:80"}, HTTPStatus.MISDIRECTED_REQUEST),
        ({"Host": ""}, HTTPStatus.MISDIRECTED_REQUEST),
        ({"Host": "localhost:1"}, HTTPStatus.OK),
        ({"Host": "[::1]:8000"}, HTTPStatus.OK),
        ({"Origin": "https://evil.example"}, HTTPStatus.FORBIDDEN),
        ({"Origin": "null"}, HTTPStatus.FORBIDDEN),
        ({"Origin": ""}, HTTPStatus.FORBIDDEN),
        ({"Origin": "http://localhost:3000"}, HTTPStatus.OK),
    ],
)
async def test_a_foreign_host_or_origin_is_refused(http: AsyncClient, headers: dict[str, str], status: int) -> None:
    sent = await send(http, headers=headers)
    assert sent.status_code == status

    for path in (f"{PATH}/capabilities", "/mcp/capabilities"):
        assert (await http.get(path, headers=headers)).status_code == status


async def test_further_hosts_are_allowed_by_setting(
    committing_database: Database, committing_settings: Settings
) -> None:
    changed = {
        "trusted_hosts": ("assistants.example", "*.assistants.example"),
        "public_url": "https://cos.example/api",
        "cors_origins": ("https://pages.example",),
    }
    async with serving(committing_database, committing_settings, **changed) as http:
        for host, status in (
            ("assistants.example", HTTPStatus.OK),
            ("eu.assistants.example:8000", HTTPStatus.OK),
            ("localhost", HTTPStatus.BAD_REQUEST),  # TRUSTED_HOSTS is for every address
        ):
            assert (await send(http, headers={"Host": host})).status_code == status
        for origin, status in (
            ("https://pages.example", HTTPStatus.OK),
            ("https://evil.example", HTTPStatus.FORBIDDEN),
        ):
            headers = {"Host": "assistants.example", "Origin": origin}
            assert (await send(http, headers=headers)).status_code == status


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH"])
async def test_other_methods_are_refused(http: AsyncClient, method: str) -> None:
    refused = await http.request(method, PATH, headers={"Accept": "text/event-stream"})

    assert refused.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert refused.headers["allow"] == "POST"


async def test_without_a_token_or_with_a_wrong_one_nothing_is_answered(
    committing_database: Database, committing_settings: Settings
) -> None:
    async with serving(committing_database, committing_settings, **tokens(reader=f"{MODULE}:read")) as http:
        for headers in ({}, {"Authorization": "Basic eDp5"}, bearer("wrong"), bearer("a.b.c")):
            for answer in (await send(http, headers=headers), await http.get("/mcp/capabilities", headers=headers)):
                assert answer.status_code == HTTPStatus.UNAUTHORIZED
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == "application/problem+json"


async def test_the_token_of_another_module_is_refused(
    committing_database: Database, committing_settings: Settings
) -> None:
    async with serving(committing_database, committing_settings, **tokens(other="other:read other:write")) as http:
        refused = await send(http, headers=bearer("other"))

        assert refused.status_code == HTTPStatus.FORBIDDEN
        assert f'scope="{MODULE}:read"' in refused.headers["www-authenticate"]
        assert (await http.get(f"{PATH}/capabilities", headers=bearer("other"))).status_code == HTTPStatus.FORBIDDEN
        assert (await http.get("/mcp/capabilities", headers=bearer("other"))).json() == {"modules": []}


async def test_no_module_answers_to_the_token_of_another(
    committing_database: Database, committing_settings: Settings
) -> None:
    modules = [load_slice(package).module for package in SLICES_WITH_MCP]
    known = tokens(**{module: f"{module}:read {module}:write" for module in modules})
    async with serving(committing_database, committing_settings, **known) as http:
        for token in modules:
            for module in modules:
                headers = headers_for("tools/list") | bearer(token)
                answer = await http.post(f"/{module}/mcp", json=envelope("tools/list"), headers=headers)
                assert answer.status_code == (HTTPStatus.OK if module == token else HTTPStatus.FORBIDDEN)
            listed = (await http.get("/mcp/capabilities", headers=bearer(token))).json()["modules"]
            assert [each["module"] for each in listed] == [token]


@pytest.mark.parametrize("mode", VERSIONS)
async def test_a_token_to_read_changes_nothing(
    committing_database: Database, committing_settings: Settings, mode: str
) -> None:
    async with serving(committing_database, committing_settings, **tokens(reader=f"{MODULE}:read")) as http:
        http.headers.update(bearer("reader"))
        note = {"content": {"a": 1}}
        async with connected(http, MODULE, mode=mode) as client:
            assert "items" in data_of(await client.call_tool("list_notes", {}))
            if mode == "legacy":
                assert f"needs the scope {MODULE}:write" in text_of(await client.call_tool("keep_note", note))
                return
        refused = await send(http, CALL, name="keep_note", arguments=note)
        assert refused.status_code == HTTPStatus.FORBIDDEN
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
        assert f'scope="{MODULE}:write"' in refused.headers["www-authenticate"]


async def test_who_called_is_in_the_log_and_the_token_is_not(
    committing_database: Database, committing_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(
        committing_database, committing_settings, **tokens(writer=f"{MODULE}:read {MODULE}:write")
    ) as http:
        http.headers.update(bearer("writer"))
        async with connected(http, MODULE) as client:
            kept = data_of(await client.call_tool("keep_note", {"content": {}, "lifetime_s": 1}))
            found = data_of(
                await client.call_tool("search_records", {"subject": "writer", "event_type": "tool.called"})
            )
    assert kept["id"]
    assert found["items"][0]["subject"] == "writer"
    assert "Bearer writer" not in caplog.text


async def test_tools_that_change_something_can_be_switched_off(
    committing_database: Database, committing_settings: Settings
) -> None:
    async with (
        serving(committing_database, committing_settings, mcp_write_tools=False) as http,
        connected(http, MODULE) as client,
    ):
        tools = (await client.list_tools()).tools
        assert tools
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        assert text_of(await client.call_tool("keep_note", {"content": {}})) == "Unknown tool: keep_note"
        offered = (await http.get(f"{PATH}/capabilities")).json()["tools"]
        assert [tool["name"] for tool in offered] == [tool.name for tool in tools]


async def test_a_subject_has_so_many_calls_a_minute(
    committing_database: Database, committing_settings: Settings
) -> None:
    known = tokens(one=f"{MODULE}:read", two=f"{MODULE}:read")
    async with serving(committing_database, committing_settings, mcp_calls_per_minute=2, **known) as http:
        statuses = [(await send(http, headers=bearer("one"))).status_code for _ in range(3)]
        refused = await send(http, headers=bearer("one"))

        assert statuses == [200, 200, 429]
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert refused.json()["type"] == "urn:cos:problem:too-many-calls"
        assert (await send(http, headers=bearer("two"))).status_code == HTTPStatus.OK


async def test_capabilities_are_what_the_server_lists(http: AsyncClient) -> None:
    async with connected(http, MODULE) as client:
        tools, resources = (await client.list_tools()).tools, (await client.list_resources()).resources

    (module,) = [each for each in (await http.get("/mcp/capabilities")).json()["modules"] if each["module"] == MODULE]
    assert module == (await http.get(f"{PATH}/capabilities")).json()
    assert [tool["name"] for tool in module["tools"]] == [tool.name for tool in tools]
    assert [each["uri"] for each in module["resources"]] == [each.uri for each in resources]
    assert module["path"] == PATH
