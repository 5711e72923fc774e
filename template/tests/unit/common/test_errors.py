import importlib
import pkgutil
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.staticfiles import StaticFiles
from httpx2 import ASGITransport, AsyncClient

import src
from src.common.errors import ConflictError, RefusalError, UnavailableError, add_error_handlers
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.schemas import RequestModel

DETAILS: dict[str, Any] = {
    "text": "Out of stock.",
    "dict": {"code": 7, "seats": ["B12"]},
    "list": ["a", 1],
    "none": None,
    "odd": {"at": date(2026, 1, 2)},
}


class SeatTakenError(ConflictError):
    problem_type: ClassVar[str] = "seat-taken"


class Order(RequestModel):
    name: str


@pytest.fixture
def client(tmp_path: Path) -> AsyncClient:
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/taken")
    async def taken() -> None:
        raise SeatTakenError("Seat B12 is taken.")

    @app.get("/away")
    async def away() -> None:
        raise UnavailableError("PostgreSQL is away.") from OSError("no route to host")

    @app.get("/bug")
    async def bug() -> None:
        raise KeyError("a secret")

    @app.get("/refused")
    async def refused(status: int, kind: str) -> None:
        raise HTTPException(status, DETAILS[kind], {"X-Reason": "stock"})

    @app.get("/order")
    async def orders() -> list[str]:
        return []

    @app.post("/order")
    async def order(order: Order) -> str:
        return order.name

    app.mount("/files", StaticFiles(directory=tmp_path))
    app.add_middleware(RequestIdMiddleware)
    return AsyncClient(transport=ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test")


async def test_a_refusal_is_a_problem_document(client: AsyncClient) -> None:
    answer = await client.get("/taken", headers={"X-Request-ID": "r-1"})

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:cos:problem:seat-taken",
        "title": "Conflict",
        "status": 409,
        "detail": "Seat B12 is taken.",
        "request_id": "r-1",
    }


async def test_an_outage_may_be_retried(client: AsyncClient) -> None:
    answer = await client.get("/away")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_bug_is_a_500_without_its_cause(client: AsyncClient) -> None:
    answer = await client.get("/bug")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


async def test_an_unknown_address_is_a_problem_document(client: AsyncClient) -> None:
    answer = await client.get("/nowhere")

    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert answer.json()["detail"].startswith("There is no resource at this address.")


async def test_a_wrong_method_names_the_right_ones(client: AsyncClient) -> None:
    answer = await client.delete("/order")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_an_outage_is_one_line_in_the_log_with_its_cause(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await client.get("/away")

    assert caplog.messages == ["PostgreSQL is away. Cause: OSError: no route to host"]
    assert caplog.records[0].exc_info is None


@pytest.mark.parametrize("status", [300, 400, 404, 405, 418, 422, 451, 499, 500, 503, 520, 599])
@pytest.mark.parametrize("kind", DETAILS)
async def test_an_http_exception_keeps_its_status_headers_and_detail(
    client: AsyncClient, status: int, kind: str
) -> None:
    answer = await client.get("/refused", params={"status": status, "kind": kind})

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers["x-reason"] == "stock"
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["request_id"] == answer.headers["x-request-id"]
    if kind == "text":
        assert problem["detail"] == "Out of stock."
    elif kind in ("dict", "list"):
        assert problem["data"] == DETAILS[kind]


@pytest.mark.parametrize("status", [204, 304])
async def test_an_http_exception_whose_status_allows_no_body_has_none(client: AsyncClient, status: int) -> None:
    answer = await client.get("/refused", params={"status": status, "kind": "text"})

    assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize(
    "call",
    [
        ("GET", "/taken", 409),
        ("GET", "/away", 503),
        ("GET", "/bug", 500),
        ("GET", "/nowhere", 404),
        ("DELETE", "/order", 405),
        ("POST", "/order", 415),
        ("GET", "/files/nothing", 404),
    ],
    ids=str,
)
async def test_every_error_answer_names_its_request(client: AsyncClient, call: tuple[str, str, int]) -> None:
    method, path, status = call
    answer = await client.request(method, path, headers={"X-Request-ID": "r-2"})

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "r-2"


async def test_a_wrong_method_on_static_files_names_the_right_ones(client: AsyncClient) -> None:
    answer = await client.post("/files/nothing")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_every_refusal_declares_a_stable_type_of_its_own() -> None:
    import_all_modules()
    classes = [found for found in subclasses(RefusalError) if found.__module__.startswith("src.")]
    types = [vars(found).get("problem_type") for found in classes]

    assert len(classes) > 10
    assert [found for found, declared in zip(classes, types, strict=True) if not declared] == []
    # Modules are alike, so their classes of one name share a type.
    assert len(set(types)) == len({(found.__name__, declared) for found, declared in zip(classes, types, strict=True)})


def import_all_modules() -> None:
    for found in pkgutil.walk_packages(src.__path__, "src."):
        importlib.import_module(found.name)


def subclasses(cls: type[RefusalError]) -> list[type[RefusalError]]:
    children = cls.__subclasses__()
    return [*children, *(found for child in children for found in subclasses(child))]


async def test_a_thousand_faults_are_not_all_told(client: AsyncClient) -> None:
    answer = await client.post("/order", json={"x" * 1000 + str(n): n for n in range(1000)})

    assert answer.status_code == 422
    assert len(answer.content) < 10_000


async def test_a_malformed_request_is_explained_without_echoing_it(client: AsyncClient) -> None:
    answer = await client.post("/order", json={"name": {"my": "secret"}})

    assert answer.status_code == 422
    assert answer.json()["faults"] == [{"at": ["body", "name"], "rule": "Input should be a valid string"}]
    assert "secret" not in answer.text


async def test_half_a_surrogate_pair_in_a_name_is_explained_too(client: AsyncClient) -> None:
    answer = await client.post("/order", content=b'{"\\ud800": 1}', headers={"content-type": "application/json"})

    assert answer.status_code == 422


@pytest.mark.parametrize("label", ["text/plain", "application/xml", "application/jsonp"])
async def test_a_body_that_is_not_labelled_as_json_is_refused(client: AsyncClient, label: str) -> None:
    answer = await client.post("/order", content=b'{"name": "a"}', headers={"content-type": label})

    assert (answer.status_code, answer.json()["type"]) == (415, "urn:cos:problem:not-json")


@pytest.mark.parametrize(
    "label", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
)
async def test_a_body_labelled_as_json_in_any_form_is_taken(client: AsyncClient, label: str) -> None:
    answer = await client.post("/order", content=b'{"name": "a"}', headers={"content-type": label})

    assert answer.status_code == 200
