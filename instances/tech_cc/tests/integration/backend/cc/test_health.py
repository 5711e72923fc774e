from httpx2 import AsyncClient

PATH = "/cc/health"


async def report(client: AsyncClient, component: str, status: str, detail: str | None = None) -> None:
    answer = await client.put(f"{PATH}/{component}", json={"status": status, "detail": detail})
    assert answer.status_code == 200, answer.text


async def test_a_system_without_reports_is_healthy(client: AsyncClient) -> None:
    answer = await client.get(PATH)

    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "components": []})


async def test_the_system_is_as_well_as_its_worst_component(client: AsyncClient) -> None:
    await report(client, "cache", "healthy")
    await report(client, "queue", "unhealthy", "no consumer for 5 min")
    await report(client, "database", "degraded")

    health = (await client.get(PATH)).json()

    assert health["status"] == "unhealthy"
    assert [component["component"] for component in health["components"]] == ["queue", "database", "cache"]
    assert health["components"][0]["detail"] == "no consumer for 5 min"


async def test_a_report_replaces_the_last_one(client: AsyncClient) -> None:
    await report(client, "queue", "unhealthy", "no consumer")
    before = (await client.get(f"{PATH}/queue")).json()

    await report(client, "queue", "healthy")

    after = (await client.get(f"{PATH}/queue")).json()
    assert (after["id"], after["status"], after["detail"]) == (before["id"], "healthy", None)


async def test_a_component_can_be_forgotten(client: AsyncClient) -> None:
    await report(client, "queue", "unhealthy")

    assert (await client.delete(f"{PATH}/queue")).status_code == 204
    assert (await client.get(PATH)).json()["status"] == "healthy"


async def test_a_component_that_reported_nothing_is_refused(client: AsyncClient) -> None:
    for answer in (await client.get(f"{PATH}/queue"), await client.delete(f"{PATH}/queue")):
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("The component queue has reported nothing.")


async def test_a_status_outside_the_three_is_refused(client: AsyncClient) -> None:
    answer = await client.put(f"{PATH}/queue", json={"status": "fine"})

    assert answer.status_code == 422


async def test_a_component_of_a_bad_name_is_refused(client: AsyncClient) -> None:
    answer = await client.put(f"{PATH}/Queue", json={"status": "healthy"})

    assert answer.status_code == 422
