"""Routes that record themselves: what the log says is what was answered."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from src.common.errors import ConflictError, add_error_handlers
from src.db.connection import Database, get_db_session
from src.l1.entries import Log
from src.l1.request_recorder import recording_route

type Records = Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]

Session = Annotated[AsyncSession, Depends(get_db_session, scope="function")]


def router_for(log: Log) -> APIRouter:
    router = APIRouter(route_class=recording_route(log))

    @router.post("/created", status_code=201)
    async def created() -> str:
        return "done"

    @router.put("/returned")
    async def returned(session: Session) -> Response:
        await session.execute(text("SELECT 1"))
        return JSONResponse({"reason": "taken"}, status_code=409)

    @router.patch("/changed")
    async def changed(response: Response) -> None:
        response.status_code = 207

    @router.delete("/raised")
    async def raised(kind: str) -> None:
        raise {"refusal": ConflictError("It is taken."), "http": HTTPException(409)}[kind]

    @router.get("/read")
    async def read() -> str:
        return "done"

    return router


@pytest.fixture
async def client(committing_database: Database, log: Log) -> AsyncIterator[AsyncClient]:
    """A client of an application with these routes alone."""
    app = FastAPI()
    app.state.database = committing_database
    add_error_handlers(app)
    app.include_router(router_for(log), prefix="/m")
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


@pytest.fixture
def records(session: AsyncSession, log: Log) -> Records:
    """Read type and payload of all records."""

    async def read() -> list[tuple[str, dict[str, Any]]]:
        rows = await session.execute(text(f"SELECT event_type, payload FROM {log.schema}.event_log"))
        return [(row.event_type, row.payload) for row in rows]

    return read


@pytest.mark.parametrize(
    "call", [("POST", "created", 201), ("PUT", "returned", 409), ("PATCH", "changed", 207)], ids=str
)
async def test_a_request_is_recorded_with_the_status_of_its_answer(
    client: AsyncClient, records: Records, call: tuple[str, str, int]
) -> None:
    method, path, status = call
    answer = await client.request(method, f"/m/{path}")

    assert answer.status_code == status
    assert await records() == [
        (f"request.{method.lower()}", {"path": f"/m/{path}", "status": status}),
    ]


@pytest.mark.parametrize("kind", ["refusal", "http"])
async def test_a_request_that_is_rolled_back_is_not_recorded(client: AsyncClient, records: Records, kind: str) -> None:
    answer = await client.delete("/m/raised", params={"kind": kind})

    assert answer.status_code == 409
    assert await records() == []


async def test_a_request_that_reads_is_not_recorded(client: AsyncClient, records: Records) -> None:
    assert (await client.get("/m/read")).status_code == 200
    assert await records() == []
