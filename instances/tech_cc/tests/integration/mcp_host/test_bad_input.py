"""Bad input at the address of an MCP server, in both versions: no answer is a 5xx, and none logs a traceback.

docs/mcp.md has these answers in a table.
"""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from bad_tokens import BAD_TOKENS
from issue_token import LocalIssuer
from mcp_client import VERSIONS, envelope, headers_for
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.mcp_host.routes import Servers

MODULE = load_slice(SAMPLE_SLICE).module
PATH = f"/{MODULE}/mcp"
CALL = "tools/call"
READ = "resources/read"
MODERN, LEGACY = VERSIONS.values()


@pytest.fixture
async def http(mcp_http: AsyncClient, caplog: pytest.LogCaptureFixture) -> AsyncIterator[AsyncClient]:
    """A client; no request may make the service log an error or a traceback."""
    caplog.set_level(logging.INFO)
    yield mcp_http
    assert not [each.getMessage() for each in caplog.records if each.exc_info or each.levelno >= logging.ERROR]


@pytest.fixture
async def guarded_http(
    guarded_client: AsyncClient, guarded_app: FastAPI, app: FastAPI, mcp_servers: Servers
) -> AsyncClient:
    """A client of servers that need a token."""
    guarded_client.base_url = "http://localhost"
    guarded_app.state.mcp_servers = mcp_servers
    app.state.database = guarded_app.state.database  # the servers ask `app`
    return guarded_client


async def send(
    http: AsyncClient, version: str, method: str, *, raw: tuple[str, str] = ("", ""), token: bytes = b"", **params: Any
) -> Response:
    """Send a request of this version; `raw` replaces a part of its JSON."""
    headers: dict[Any, Any] = headers_for(method, str(params.get("name", params.get("uri", ""))))
    headers["MCP-Protocol-Version"] = version
    if token:
        headers[b"Authorization"] = b"Bearer " + token
    body = json.dumps(envelope(method, **params)).replace(*raw) if raw[0] else json.dumps(envelope(method, **params))
    return await http.post(PATH, content=body.encode(), headers=headers)


def error_of(answer: Response) -> str:
    """Return the error of an answer: of the tool, of the protocol, or of HTTP."""
    line = next((line for line in answer.text.splitlines() if line.startswith("data: {")), answer.text)
    document = json.loads(line.removeprefix("data: "))
    result = document.get("result", {})
    if result.get("isError"):
        return str(result["content"][0]["text"])
    return str(document["error"]["message"] if "error" in document else document["detail"])


@pytest.mark.parametrize("version", VERSIONS.values())
async def test_every_bad_token_is_refused(
    guarded_http: AsyncClient, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    for name, make in BAD_TOKENS.items():
        refused = await send(guarded_http, version, "tools/list", token=make(issuer).encode())
        assert refused.status_code == 401, name
        assert refused.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
        assert refused.json()["type"] == "urn:cos:problem:token-invalid"
    assert not [each for each in caplog.records if each.exc_info]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 9_999_999_999.5},
        {"client_id": 42},
        {"scope": [f"{MODULE}:read"]},
        {"scope": None, "scp": [f"{MODULE}:read", 7, None]},
    ],
    ids=str,
)
@pytest.mark.parametrize("version", VERSIONS.values())
async def test_a_token_with_odd_claims_is_accepted(
    guarded_http: AsyncClient, issuer: LocalIssuer, claims: dict[str, Any], version: str
) -> None:
    token = issuer.issue(f"{MODULE}:read", **claims).encode()

    assert (await send(guarded_http, version, "tools/list", token=token)).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"7", {}, 400),
        (b'{"jsonrpc": "2.0"}', {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"[" * 200, {}, 400),
        (b'{"jsonrpc": "2.0", "id": 1, "method": ' + b"9" * 5000 + b"}", {}, 400),
        (json.dumps(envelope("tools/list")).encode(), {"Content-Type": "text/plain"}, 400),
        (json.dumps(envelope("tools/list")).encode(), {"Accept": "text/html"}, 406),
        (json.dumps(envelope("tools/list")).encode(), {"MCP-Protocol-Version": "1999-01-01"}, 400),
        (json.dumps(envelope("tools/list")).encode(), {"Mcp-Method": "tools/call"}, 400),
        (b" " * 1_048_577, {}, 413),
        (b'"' + b"x" * 5_000_000 + b'"', {}, 413),
        (b"[" * 100_000, {}, 413),
        (b"[" + b"0," * 6000 + b"0]", {}, 413),
    ],
)
async def test_a_body_that_is_no_request_is_refused(
    http: AsyncClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    for version in VERSIONS.values():
        given = {**headers_for("tools/list"), "MCP-Protocol-Version": version, **headers}
        refused = await http.post(PATH, content=body, headers=given)
        is_lenient = version == "2025-11-25" and "Mcp-Method" in headers  # it has no such header
        assert refused.status_code == (200 if is_lenient else status), refused.text[:200]


@pytest.mark.parametrize(
    ("depth", "statuses", "said"),
    [
        (40, (200, 200), ("32 levels", "32 levels")),
        (200, (200, 400), ("nested too deep", "recursion limit")),  # 2025-11-25 has a parser of its own
        (900, (200, 400), ("nested too deep", "recursion limit")),
        (4000, (200, 400), ("nested too deep", "recursion limit")),
        (100_000, (413, 413), ("JSON values", "JSON values")),
    ],
)
async def test_deep_arguments_are_refused(
    http: AsyncClient, depth: int, statuses: tuple[int, int], said: tuple[str, str]
) -> None:
    nested = "[" * depth + "]" * depth
    for version, status, sentence in zip((MODERN, LEGACY), statuses, said, strict=True):
        arguments = {"content": {"a": "?"}}
        refused = await send(http, version, CALL, name="keep_note", arguments=arguments, raw=('"?"', nested))
        assert refused.status_code == status, version
        assert sentence in error_of(refused)


@pytest.mark.parametrize("version", VERSIONS.values())
@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        ('"\\u0000"', 200, "holds a NUL character"),
        ('"' + "x" * 1_000_000 + '"', 200, "is larger than 65536 bytes"),
        ('"' + "x" * 5_000_000 + '"', 413, "larger than"),
        ("[" + "0," * 6000 + "0]", 413, "JSON values"),
        ("1e999", 200, ""),
        ("NaN", 200, ""),
        ("9" * 600, 200, ""),
        ("9" * 5000, 400, ""),
    ],
    ids=lambda value: str(value)[:10],
)
async def test_arguments_that_cannot_be_stored_are_refused(
    http: AsyncClient, version: str, value: str, status: int, said: str
) -> None:
    refused = await send(http, version, CALL, name="keep_note", arguments={"content": {"a": "?"}}, raw=('"?"', value))

    assert refused.status_code == status, refused.text[:300]
    assert said in error_of(refused)


async def test_half_a_surrogate_pair_is_refused(http: AsyncClient) -> None:
    for version, status in ((MODERN, 200), (LEGACY, 400)):
        arguments = {"content": {"a": "?"}}
        refused = await send(http, version, CALL, name="keep_note", arguments=arguments, raw=("?", "\\ud800"))
        assert refused.status_code == status
        assert error_of(refused)


@pytest.mark.parametrize(
    ("method", "params", "status", "said"),
    [
        ("tools/drop", {}, 404, "Method not found"),
        ("prompts/get", {"name": "x"}, 400, "no such prompt"),
        (READ, {"uri": f"cos://{MODULE}/unknown"}, 400, "Unknown resource"),
        (READ, {"uri": f"cos://{MODULE}/../schema"}, 400, "Unknown resource"),
        (READ, {"uri": f"cos://{MODULE}/events%2frecent"}, 400, "Unknown resource"),
        (READ, {"uri": f"cos://{MODULE}/schema%00"}, 400, "Unknown resource"),
        (READ, {"uri": f"cos://{MODULE}/schema%0d%0aX-Evil: 1"}, 400, "Unknown resource"),
        (READ, {"uri": "cos://other/schema"}, 400, "Unknown resource"),
        (READ, {"uri": "file:///etc/passwd"}, 400, "Unknown resource"),
        (READ, {"uri": "x" * 10_000}, 400, "Unknown resource"),
        (CALL, {"name": "drop_tables"}, 200, "Unknown tool"),
        (CALL, {"name": "'; DROP TABLE x; --"}, 200, "Unknown tool"),
        (CALL, {"name": "MATCH (n) DETACH DELETE n"}, 200, "Unknown tool"),
        (CALL, {"name": "list_modules", "arguments": [1]}, 400, ""),
        (CALL, {"name": ""}, 400, ""),
    ],
)
async def test_what_is_not_there_is_said(
    http: AsyncClient, method: str, params: dict[str, Any], status: int, said: str
) -> None:
    for version in VERSIONS.values():
        refused = await send(http, version, method, **params)
        assert refused.status_code == (status if version == MODERN else 200), refused.text
        assert said in error_of(refused)
        assert "X-Evil" not in refused.headers
