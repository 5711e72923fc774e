from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from src.common.access.scopes import requires
from src.common.errors import add_error_handlers


async def test_without_a_caller_a_required_scope_refuses() -> None:
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/seats", dependencies=[requires("seats:read")])
    async def get_seats() -> None:
        """Never reached: no guard says who calls."""

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        answer = await client.get("/seats")

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:cos:problem:token-missing"
