import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from src.common.errors import ConflictError, UnavailableError, add_error_handlers
from src.common.schemas import RequestModel


class SeatTakenError(ConflictError):
    pass


class Order(RequestModel):
    name: str


@pytest.fixture
def client() -> AsyncClient:
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

    @app.get("/order")
    async def orders() -> list[str]:
        return []

    @app.post("/order")
    async def order(order: Order) -> str:
        return order.name

    return AsyncClient(transport=ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test")


async def test_a_refusal_is_a_problem_document(client: AsyncClient) -> None:
    answer = await client.get("/taken")

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:cos:problem:seat-taken",
        "title": "Conflict",
        "status": 409,
        "detail": "Seat B12 is taken.",
    }


async def test_what_is_away_now_may_be_asked_again(client: AsyncClient) -> None:
    answer = await client.get("/away")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_bug_is_a_500_that_tells_nothing(client: AsyncClient) -> None:
    answer = await client.get("/bug")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


async def test_an_unknown_address_is_a_problem_document(client: AsyncClient) -> None:
    answer = await client.get("/nowhere")

    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert answer.json()["detail"].startswith("There is nothing at this address.")


async def test_a_wrong_method_names_the_right_ones(client: AsyncClient) -> None:
    answer = await client.delete("/order")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_the_log_says_why_something_is_away(client: AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    await client.get("/away")

    assert "PostgreSQL is away." in caplog.text
    assert "OSError: no route to host" in caplog.text


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
