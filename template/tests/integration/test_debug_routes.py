import pytest
from httpx2 import ASGITransport, AsyncClient

from src.backend.slice import load_slice
from src.common.config import Settings
from src.cos_main import SLICES, create_app
from src.project import FIRST_MODULE

SLICES_WITH_DEBUG = [part for part in map(load_slice, SLICES) if part.debug_routers]
PATHS = ["/test-log", *(f"/{part.module}/test-log" for part in SLICES_WITH_DEBUG)]


@pytest.mark.parametrize("path", PATHS)
async def test_developers_find_the_debug_routes_of_each_module_and_one_at_the_root(
    client: AsyncClient, path: str
) -> None:
    assert (await client.post(path, json={})).status_code == 200


async def test_the_one_at_the_root_is_that_of_the_first_module(client: AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    assert paths["/test-log"]["post"]["tags"] == [FIRST_MODULE]


@pytest.mark.parametrize("path", PATHS)
async def test_production_has_no_debug_routes(settings: Settings, path: str) -> None:
    app = create_app(settings.model_copy(update={"environment": "production", "access": "open"}))
    client = AsyncClient(transport=ASGITransport(app=app), base_url="http://test")

    assert (await client.post(path, json={})).status_code == 404
    assert "test-log" not in (await client.get("/openapi.json")).text
