import pytest
from httpx2 import AsyncClient


@pytest.mark.parametrize(("page", "title"), [("/docs", "Swagger UI"), ("/redoc", "ReDoc")])
async def test_the_documentation_is_served(client: AsyncClient, page: str, title: str) -> None:
    answer = await client.get(page)

    assert answer.status_code == 200
    assert title in answer.text


async def test_a_trailing_slash_is_another_address(client: AsyncClient) -> None:
    assert (await client.get("/docs/")).status_code == 404


async def test_every_route_documents_its_refusals_as_problems(client: AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    unlike_problems = [
        f"{method.upper()} {path} {status}"
        for path, methods in paths.items()
        if not path.startswith("/health/")
        for method, operation in methods.items()
        for status, response in operation["responses"].items()
        if int(status) >= 400 and list(response["content"]) != ["application/problem+json"]
    ]

    assert unlike_problems == []
