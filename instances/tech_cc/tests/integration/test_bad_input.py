"""Every route of every slice against bodies, paths and queries that no client should send."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import AsyncClient

from src.cos_main import app

JSON = {"content-type": "application/json"}
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
BAD_BODIES = {
    "empty": (b"", 422),
    "truncated": (b'{"name": "a', 422),
    "not utf-8": (b'{"name": "\xff\xfe"}', 400),
    "null": (b"null", 422),
    "a list": (b"[]", 422),
    "a string": (b'"text"', 422),
    "a number": (b"1", 422),
    "an unknown field": (b'{"no_such_field": 1}', 422),
    "infinite": (b'{"no_such_field": 1e400}', 422),
    "not a number": (b'{"no_such_field": NaN}', 422),
    "5,000 digits": (b'{"no_such_field": ' + b"9" * 5000 + b"}", 400),
    "half a surrogate pair": (b'{"\\ud800": "\\udfff"}', 422),
    "200 levels": (b'{"a":' * 200 + b"1" + b"}" * 200, 422),
    "100,000 levels": (DEEP, 413),
    "4,000 levels": (b'{"a":' * 4000 + b"1" + b"}" * 4000, 422),
    "6,000 unknown fields": (b"{" + b",".join(b'"%d":1' % n for n in range(6000)) + b"}", 413),
    "10 MB": (b'{"no_such_field": "' + b"x" * 10_000_000 + b'"}', 413),
    "a million keys": (b"{" + b'"key":1,' * 999_999 + b'"key":1}', 413),
}
BAD_PATHS = ["%00", "%%%", "-1", "0", "99999999999999999999", "a" * 5000, "%F0%9F%92%A9", "..%2f..", "x;drop"]
BAD_LIMITS = ["0", "-1", "101", "1e3", "1.5", "99999999999999999999", "", "%00", "%EF%BC%91", "true"]
BAD_CURSORS = ["1", "%00", "a" * 5000, "%%%", "null"]


def operations(*, having: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of every operation that has a body, or parameters of some kind.

    The routes of the graph need one; they have a test of their own.
    """
    for path, methods in app.openapi()["paths"].items():
        if path.startswith("/graph/"):
            continue
        for method, operation in methods.items():
            kinds = {parameter["in"] for parameter in operation.get("parameters", [])}
            if having in operation or having in kinds:
                yield method.upper(), path, operation


def filled(path: str) -> str:
    """Return the path with a value for each parameter that its route accepts."""
    return re.sub(r"\{\w+_id\}", str(uuid4()), path).replace("{component}", "database")


async def misfits(client: AsyncClient, calls: Iterable[tuple[str, str, dict[str, Any]]], **request: Any) -> list[str]:
    """Return the calls that are not refused with a problem of a status that the route documents."""
    wrong = []
    for method, path, operation in calls:
        answer = await client.request(method, path, **request)
        is_documented = str(answer.status_code) in operation["responses"]
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        if answer.status_code not in range(400, 500) or not (is_documented and is_problem):
            wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    return wrong


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_bad_body_is_refused_everywhere(client: AsyncClient, body: bytes, status: int) -> None:
    calls = [(method, filled(path), operation) for method, path, operation in operations(having="requestBody")]

    assert await misfits(client, calls, content=body, headers=JSON) == []
    assert {(await client.request(m, p, content=body, headers=JSON)).status_code for m, p, _ in calls} == {status}


@pytest.mark.parametrize("label", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "zip"])
async def test_a_body_of_another_type_is_refused_everywhere(client: AsyncClient, label: str) -> None:
    calls = [(method, filled(path), operation) for method, path, operation in operations(having="requestBody")]

    assert await misfits(client, calls, content=b"{}", headers={"content-type": label}) == []


async def test_a_body_that_grows_past_the_limit_as_it_streams_is_refused_everywhere(client: AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"name": "'
        for _ in range(20):
            yield b"x" * 100_000

    for method, path, _operation in operations(having="requestBody"):
        answer = await client.request(method, filled(path), content=chunks(), headers=JSON)
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json"), path


@pytest.mark.parametrize("value", BAD_PATHS)
async def test_a_bad_path_is_refused_everywhere(client: AsyncClient, value: str) -> None:
    calls = [
        (method, re.sub(r"\{\w+\}", value, path), operation)
        for method, path, operation in operations(having="path")
        if "requestBody" not in operation
    ]

    assert await misfits(client, calls) == []


@pytest.mark.parametrize(
    "query", [*(f"limit={value}" for value in BAD_LIMITS), *(f"after={value}" for value in BAD_CURSORS)]
)
async def test_a_bad_query_is_refused_everywhere(client: AsyncClient, query: str) -> None:
    calls = [(method, f"{path}?{query}", operation) for method, path, operation in operations(having="query")]

    assert await misfits(client, calls) == []
