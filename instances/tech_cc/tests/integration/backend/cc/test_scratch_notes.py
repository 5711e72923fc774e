from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import AsyncClient
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.cc.mem0_models import ScratchNote
from src.backend.cc.schemas import ScratchNoteCreate
from src.backend.cc.services.scratch_notes import keep_note, purge_notes
from src.common.config import Settings
from src.db.connection import open_database

PATH = "/cc/scratch-notes"


async def kept(client: AsyncClient, **fields: Any) -> dict[str, Any]:
    """Keep a note and return it as the service describes it."""
    answer = await client.post(PATH, json={"content": {"step": 1}, **fields})
    assert answer.status_code == 201, answer.text
    note: dict[str, Any] = answer.json()
    return note


async def let_time_pass(session: AsyncSession) -> None:
    """Make every note expire."""
    await session.execute(update(ScratchNote).values(expires_at=func.now() - timedelta(seconds=1)))
    await session.commit()


async def test_a_note_can_be_kept_and_read(client: AsyncClient) -> None:
    content = {"plan": ["a", {"b": None}], "π": 3.14159, "deep": {"er": [True, 2**53]}}

    note = await kept(client, content=content)

    answer = await client.get(f"{PATH}/{note['id']}")
    assert (answer.status_code, answer.json()) == (200, note)
    assert note["content"] == content


async def test_a_note_lives_as_long_as_was_asked(client: AsyncClient) -> None:
    note = await kept(client, lifetime_s=600)

    remaining = datetime.fromisoformat(note["expires_at"]) - datetime.now(UTC)

    assert timedelta(minutes=9) < remaining <= timedelta(minutes=10)


async def test_a_note_can_be_changed_and_given_more_time(client: AsyncClient) -> None:
    note = await kept(client, lifetime_s=60)

    answer = await client.patch(f"{PATH}/{note['id']}", json={"content": {"step": 2}, "lifetime_s": 3600})

    assert answer.status_code == 200
    assert answer.json()["content"] == {"step": 2}
    assert answer.json()["expires_at"] > note["expires_at"]


async def test_a_change_leaves_out_what_stays(client: AsyncClient) -> None:
    note = await kept(client)

    answer = await client.patch(f"{PATH}/{note['id']}", json={"content": {"step": 2}})

    assert answer.json()["expires_at"] == note["expires_at"]


async def test_a_change_of_nothing_changes_nothing(client: AsyncClient) -> None:
    note = await kept(client)

    answer = await client.patch(f"{PATH}/{note['id']}", json={})

    assert (answer.status_code, answer.json()) == (200, note)


@pytest.mark.parametrize("field", ["content", "lifetime_s"])
async def test_null_is_refused_where_a_note_needs_a_value(client: AsyncClient, field: str) -> None:
    note = (await client.post(PATH, json={"content": {"step": 1}})).json()

    answer = await client.patch(f"{PATH}/{note['id']}", json={field: None})

    assert answer.status_code == 422
    assert answer.json()["faults"][0]["at"][:2] == ["body", field]


async def test_a_note_can_be_deleted_before_its_time(client: AsyncClient) -> None:
    note = await kept(client)

    assert (await client.delete(f"{PATH}/{note['id']}")).status_code == 204
    assert (await client.get(f"{PATH}/{note['id']}")).status_code == 404


async def test_notes_are_listed_page_by_page(client: AsyncClient) -> None:
    ids = [(await kept(client))["id"] for _ in range(3)]

    first = (await client.get(PATH, params={"limit": 2})).json()
    last = (await client.get(PATH, params={"limit": 2, "after": first["next_after"]})).json()

    assert [note["id"] for note in first["items"] + last["items"]] == ids
    assert last["next_after"] is None


async def test_an_expired_note_cannot_be_reached(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    note = await kept(client)
    await let_time_pass(mem0_db_session)

    assert (await client.get(PATH)).json()["items"] == []
    for method in ("get", "patch", "delete"):
        answer = await client.request(method, f"{PATH}/{note['id']}", json={} if method == "patch" else None)
        assert answer.status_code == 404
        assert "or it has expired" in answer.json()["detail"]


async def test_a_purge_deletes_expired_notes_and_no_others(client: AsyncClient, mem0_db_session: AsyncSession) -> None:
    await kept(client)
    await kept(client)
    await let_time_pass(mem0_db_session)
    alive = await kept(client)

    answer = await client.post(f"{PATH}/purge")

    assert (answer.status_code, answer.json()) == (200, {"purged": 2, "is_complete": True})
    assert [str(id_) for id_ in await mem0_db_session.scalars(select(ScratchNote.id))] == [alive["id"]]


async def test_a_purge_in_batches_says_when_it_is_complete(mem0_db_session: AsyncSession) -> None:
    for _ in range(3):
        await keep_note(mem0_db_session, note=ScratchNoteCreate(content={}))
    await let_time_pass(mem0_db_session)

    purges = [await purge_notes(mem0_db_session, limit=2) for _ in range(2)]

    assert [(purge.purged, purge.is_complete) for purge in purges] == [(2, False), (1, True)]


async def test_a_purge_does_not_wait_for_another(committing_client: AsyncClient, migrated_database: Settings) -> None:
    for _ in range(3):
        await kept(committing_client)
    async with open_database(migrated_database) as database, database.sessions() as other:
        await let_time_pass(other)
        await other.execute(select(ScratchNote).limit(2).with_for_update())

        answer = await committing_client.post(f"{PATH}/purge")

    assert answer.json() == {"purged": 1, "is_complete": True}


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "nul \\u0000"}',
        b'{"nul \\u0000": 1}',
        b'{"a": ["\\ud800"]}',
        b'{"a": 9223372036854775808}',
        b'{"a": 1e400}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"[]",
        b"null",
        b'"text"',
    ],
    ids=lambda content: content[:20].decode(),
)
async def test_a_document_that_postgresql_cannot_store_is_refused(client: AsyncClient, content: bytes) -> None:
    for method, path in (("POST", PATH), ("PATCH", f"{PATH}/{(await kept(client))['id']}")):
        body = b'{"content": ' + content + b"}"
        answer = await client.request(method, path, content=body, headers={"content-type": "application/json"})

        assert (method, answer.status_code) == (method, 422)


@pytest.mark.parametrize("lifetime_s", [0, -1, 31 * 86_400, 2**63, 1.5, True, "60"], ids=str)
async def test_a_lifetime_out_of_range_is_refused(client: AsyncClient, lifetime_s: object) -> None:
    answer = await client.post(PATH, json={"content": {}, "lifetime_s": lifetime_s})

    assert answer.status_code == 422


async def test_a_note_is_changed_and_deleted_in_the_version_that_was_read(committing_client: AsyncClient) -> None:
    path = f"{PATH}/{(await kept(committing_client))['id']}"
    read = {"If-Match": (await committing_client.get(path)).headers["ETag"]}

    first = await committing_client.patch(path, json={"content": {"step": 2}}, headers=read)
    second = await committing_client.patch(path, json={"content": {"step": 3}}, headers=read)

    assert (first.status_code, second.status_code) == (200, 412)
    assert (await committing_client.patch(path, json={}, headers=read)).status_code == 412
    assert (await committing_client.delete(path, headers=read)).status_code == 412
    assert (await committing_client.get(path)).json()["content"] == {"step": 2}
    assert (await committing_client.delete(path, headers={"If-Match": first.headers["ETag"]})).status_code == 204
