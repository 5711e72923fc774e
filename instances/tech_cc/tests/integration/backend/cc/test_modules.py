import asyncio
from typing import Any

import pytest
from httpx2 import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

PATH = "/cc/modules"


async def registered(client: AsyncClient, **fields: Any) -> dict[str, Any]:
    """Register a module and return it as the service describes it."""
    answer = await client.post(PATH, json={"name": "billing", "version": "1.0.0", **fields})
    assert answer.status_code == 201, answer.text
    module: dict[str, Any] = answer.json()
    return module


async def test_a_module_can_be_registered(client: AsyncClient) -> None:
    answer = await client.post(PATH, json={"name": "billing", "version": "1.0.0", "description": "Invoices. ü"})

    assert answer.status_code == 201
    module = answer.json()
    assert answer.headers["location"] == f"{PATH}/{module['id']}"
    assert {key: module[key] for key in ("name", "version", "description", "is_active")} == {
        "name": "billing",
        "version": "1.0.0",
        "description": "Invoices. ü",
        "is_active": True,
    }


async def test_a_registered_module_can_be_read(client: AsyncClient) -> None:
    module = await registered(client)

    answer = await client.get(f"{PATH}/{module['id']}")

    assert (answer.status_code, answer.json()) == (200, module)


async def test_a_change_leaves_out_what_stays(client: AsyncClient) -> None:
    module = await registered(client, description="Invoices.")

    answer = await client.patch(f"{PATH}/{module['id']}", json={"version": "2.0.0", "is_active": False})

    assert answer.status_code == 200
    assert answer.json() | {"updated_at": ""} == module | {
        "version": "2.0.0",
        "is_active": False,
        "updated_at": "",
    }
    assert (await client.get(f"{PATH}/{module['id']}")).json() == answer.json()


async def test_a_description_can_be_cleared(client: AsyncClient) -> None:
    module = await registered(client, description="Invoices.")

    answer = await client.patch(f"{PATH}/{module['id']}", json={"description": None})

    assert (answer.status_code, answer.json()["description"]) == (200, None)


async def test_a_change_of_nothing_changes_nothing(client: AsyncClient) -> None:
    module = await registered(client)

    answer = await client.patch(f"{PATH}/{module['id']}", json={})

    assert (answer.status_code, answer.json()) == (200, module)


async def test_a_removed_module_is_gone(client: AsyncClient) -> None:
    module = await registered(client)

    assert (await client.delete(f"{PATH}/{module['id']}")).status_code == 204
    assert (await client.get(f"{PATH}/{module['id']}")).status_code == 404


async def test_all_modules_are_found_page_by_page(client: AsyncClient) -> None:
    names = [(await registered(client, name=f"module_{n}"))["name"] for n in range(5)]

    found, after = [], None
    for _ in range(3):
        page = (await client.get(PATH, params={"limit": 2} | ({"after": after} if after else {}))).json()
        found += [module["name"] for module in page["items"]]
        after = page["next_after"]

    assert (found, after) == (names, None)


async def test_a_name_that_is_taken_is_refused(client: AsyncClient) -> None:
    await registered(client)

    answer = await client.post(PATH, json={"name": "billing", "version": "9"})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:cos:problem:module-name-taken"
    assert answer.json()["detail"].startswith("A module named billing is registered already.")


async def test_of_many_who_want_a_name_at_once_one_gets_it(committing_client: AsyncClient) -> None:
    wishes = [committing_client.post(PATH, json={"name": "billing", "version": f"{n}"}) for n in range(8)]

    statuses = sorted(answer.status_code for answer in await asyncio.gather(*wishes))

    assert statuses == [201] + [409] * 7


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
async def test_a_module_that_does_not_exist_is_refused(client: AsyncClient, method: str) -> None:
    path = f"{PATH}/01890a5d-ac96-774b-bcce-b302099a8057"

    answer = await client.request(method, path, json={} if method == "patch" else None)

    assert answer.status_code == 404
    assert f"List the modules at {PATH}." in answer.json()["detail"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Billing"},
        {"name": "billing\n"},
        {"name": "bil\0ling"},
        {"name": ""},
        {"name": "b" * 64},
        {"name": "ｂｉｌｌｉｎｇ"},
        {"name": 1},
        {"version": ""},
        {"version": "one"},
        {"version": 1.0},
        {"description": "a\0b"},
        {"description": "x" * 1001},
        {"is_active": "true"},
        {"is_active": 1},
        {"id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    ],
    ids=str,
)
async def test_a_module_that_breaks_a_rule_is_refused(client: AsyncClient, fields: dict[str, Any]) -> None:
    answer = await client.post(PATH, json={"name": "billing", "version": "1.0.0", **fields})

    assert answer.status_code == 422
    assert answer.json()["faults"][0]["at"] == ["body", *fields]


async def test_half_a_surrogate_pair_in_a_text_is_refused(client: AsyncClient) -> None:
    body = b'{"name": "billing", "version": "1", "description": "\\ud800"}'

    answer = await client.post(PATH, content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["faults"][0]["at"]) == (422, ["body", "description"])


@pytest.mark.parametrize("fields", [{"version": None}, {"is_active": None}, {"name": "other"}], ids=str)
async def test_a_change_that_breaks_a_rule_is_refused(client: AsyncClient, fields: dict[str, Any]) -> None:
    module = await registered(client)

    answer = await client.patch(f"{PATH}/{module['id']}", json=fields)

    assert answer.status_code == 422


async def test_of_two_who_change_the_same_version_one_is_refused(committing_client: AsyncClient) -> None:
    module = await registered(committing_client)
    path = f"{PATH}/{module['id']}"
    read = {"If-Match": (await committing_client.get(path)).headers["ETag"]}

    first = await committing_client.patch(path, json={"version": "2"}, headers=read)
    second = await committing_client.patch(path, json={"version": "3"}, headers=read)
    deletion = await committing_client.delete(path, headers=read)

    assert first.status_code == 200
    assert first.headers["ETag"] != read["If-Match"]
    assert [second.status_code, deletion.status_code] == [412, 412]
    assert second.json()["type"] == "urn:cos:problem:module-changed"
    assert (await committing_client.get(path)).json()["version"] == "2"
    assert (await committing_client.delete(path, headers={"If-Match": first.headers["ETag"]})).status_code == 204
    assert (await committing_client.delete(path, headers=read)).status_code == 404


async def test_an_empty_change_of_another_version_is_refused(client: AsyncClient) -> None:
    module = await registered(client)

    answer = await client.patch(f"{PATH}/{module['id']}", json={}, headers={"If-Match": '"1"'})

    assert answer.status_code == 412


@pytest.mark.parametrize("sort", ["name", "-name", "created_at", "-created_at"])
async def test_a_list_is_sorted_page_by_page(client: AsyncClient, sort: str) -> None:
    for name in ("beta", "alpha", "delta", "gamma"):
        await registered(client, name=name)

    found, query = [], {"limit": "2", "sort": sort}
    while True:
        page = (await client.get(PATH, params=query)).json()
        found += [module["name"] for module in page["items"]]
        if page["next_after"] is None:
            break
        query["after"] = page["next_after"]

    names = sorted(found) if sort.endswith("name") else ["beta", "alpha", "delta", "gamma"]
    assert found == (names[::-1] if sort.startswith("-") else names)


async def test_a_list_is_filtered(client: AsyncClient) -> None:
    for name, version in (("one", "1"), ("two", "2"), ("three", "2")):
        await registered(client, name=name, version=version)

    async def names(**query: str) -> list[str]:
        return [module["name"] for module in (await client.get(PATH, params=query)).json()["items"]]

    assert await names(name="two") == ["two"]
    assert await names(version="2") == ["two", "three"]
    assert await names(version="2", name="one") == []


@pytest.mark.parametrize("query", ["sort=description", "sort=", "name=A", "is_active=true", "after=x", "sort=name&x=1"])
async def test_an_unknown_order_or_filter_is_refused(client: AsyncClient, query: str) -> None:
    answer = await client.get(f"{PATH}?{query}")

    assert answer.status_code == 422
    assert "traceback" not in answer.text.lower()


async def test_an_index_stands_behind_each_order_and_filter(test_db_session: AsyncSession) -> None:
    await test_db_session.execute(text("SET LOCAL enable_seqscan = off"))
    for query in ("ORDER BY id LIMIT 2", "ORDER BY name LIMIT 2", "WHERE version = '1' ORDER BY id LIMIT 2"):
        plan = (await test_db_session.scalars(text(f"EXPLAIN SELECT * FROM cc.modules {query}"))).all()
        assert "Index Scan" in "".join(plan)
        assert "Sort" not in "".join(plan)
