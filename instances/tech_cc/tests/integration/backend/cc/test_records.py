"""What the slice does is in its log: committed with the change, or not at all."""

from typing import Any

import pytest
from httpx2 import AsyncClient
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.cc.identity import MEM0_SCHEMA, MODULE
from src.backend.cc.mem0_models import BaseLog, EventLog

ROOT = "/cc"
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


async def made(client: AsyncClient, path: str, body: dict[str, Any]) -> str:
    """Return the path of something new."""
    answer = await client.post(path, json=body)
    return str(answer.headers["location"])


async def events(session: AsyncSession) -> list[tuple[str, dict[str, Any]]]:
    """Return type and payload of every event, in the order of the log."""
    rows = select(EventLog.event_type, EventLog.payload).join(BaseLog).order_by(BaseLog.xid, BaseLog.seq)
    return [(event_type, payload) for event_type, payload in await session.execute(rows)]


async def test_the_life_of_a_module_is_recorded(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    path = await made(client, f"{ROOT}/modules", {"name": "billing", "version": "1"})
    await client.patch(path, json={"version": "2"})
    await client.delete(path)

    key = {"id": path.rpartition("/")[2], "name": "billing"}
    assert await events(mem0_db_session) == [
        ("module.created", key | {"version": "1", "description": None, "is_active": True}),
        ("module.updated", key | {"changed": {"version": "2"}}),
        ("module.deleted", key),
    ]


async def test_a_router_can_record_its_changing_requests(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    path = await made(client, f"{ROOT}/scratch-notes", {"content": {"secret": "s3cret"}})
    await client.get(path)
    await client.patch(path, json={"lifetime_s": 60})
    await client.put(f"{ROOT}/health/queue", json={"status": "healthy"})

    assert await events(mem0_db_session) == [
        ("request.post", {"path": f"{ROOT}/scratch-notes", "status": 201}),
        ("request.patch", {"path": path, "status": 200}),
        ("request.put", {"path": f"{ROOT}/health/queue", "status": 200}),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", f"/modules/{UNKNOWN}", None),
        ("PATCH", f"/modules/{UNKNOWN}", {"version": "2"}),
        ("POST", "/modules", {"name": "Bad"}),
        ("DELETE", f"/scratch-notes/{UNKNOWN}", None),
        ("POST", "/scratch-notes", {"content": {"nul": "\0"}}),
        ("DELETE", "/health/queue", None),
    ],
)
async def test_a_request_that_is_refused_is_not_recorded(
    client: AsyncClient, mem0_db_session: AsyncSession, method: str, path: str, body: Any
) -> None:
    assert (await client.request(method, f"{ROOT}{path}", json=body)).status_code in (404, 422)

    assert await events(mem0_db_session) == []


async def test_a_name_that_is_taken_is_not_recorded(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    for version in ("1", "2"):
        await client.post(f"{ROOT}/modules", json={"name": "billing", "version": version})

    assert [kind for kind, _ in await events(mem0_db_session)] == ["module.created"]


async def test_a_change_of_nothing_is_not_recorded(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    path = await made(client, f"{ROOT}/modules", {"name": "billing", "version": "1"})
    await client.patch(path, json={})

    assert [kind for kind, _ in await events(mem0_db_session)] == ["module.created"]


@pytest.mark.parametrize(
    ("method", "body"), [("POST", {"name": "b", "version": "1"}), ("PATCH", {"version": "2"}), ("DELETE", None)]
)
async def test_a_change_whose_record_fails_did_not_happen(
    client: AsyncClient, mem0_db_session: AsyncSession, method: str, body: dict[str, Any] | None
) -> None:
    path = await made(client, f"{ROOT}/modules", {"name": "a", "version": "1"})
    before = (await client.get(f"{ROOT}/modules")).json()
    refuse = text(f"ALTER TABLE {MEM0_SCHEMA}.event_log ADD CONSTRAINT no_more CHECK (false) NOT VALID")
    await mem0_db_session.execute(refuse)

    with pytest.raises(IntegrityError, match="no_more"):
        await client.request(method, f"{ROOT}/modules" if method == "POST" else path, json=body)

    assert (await client.get(f"{ROOT}/modules")).json() == before


async def test_the_record_of_a_change_names_its_request_and_its_trace(
    client: AsyncClient, mem0_db_session: AsyncSession
) -> None:
    for number in range(2):  # one statement, built once, whose ids change
        body = {"name": f"m{number}", "version": "1"}
        await client.post(f"{ROOT}/modules", json=body, headers={"X-Request-ID": f"request-{number}"})

    rows = (await mem0_db_session.scalars(select(BaseLog).order_by(BaseLog.seq))).all()
    assert [(row.request_id, row.source_module) for row in rows] == [
        ("request-0", MODULE),
        ("request-1", MODULE),
    ]
    assert len({row.trace_id for row in rows}) == 2
    assert all(row.trace_id is not None for row in rows)
