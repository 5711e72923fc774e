"""The description of the API: from it people generate clients."""

from importlib.metadata import version
from typing import Any

import pytest
from httpx2 import AsyncClient

from slices import SAMPLE_SLICE
from src.project import DISTRIBUTION, FIRST_MODULE


@pytest.fixture
async def description(client: AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.get("/openapi.json")).json()
    return answer


def operation_ids(description: dict[str, Any]) -> list[str]:
    return [operation["operationId"] for path in description["paths"].values() for operation in path.values()]


def test_operation_ids_are_short_and_unique(description: dict[str, Any]) -> None:
    ids = operation_ids(description)

    assert len(ids) == len(set(ids))
    module = SAMPLE_SLICE.rpartition(".")[2]
    prefix = "" if module == FIRST_MODULE else f"{module}_"
    assert {f"{prefix}{name}" for name in ("get_modules", "patch_module", "put_health_status")} <= set(ids)


def test_the_version_is_that_of_the_project(description: dict[str, Any]) -> None:
    assert description["info"]["version"] == version(DISTRIBUTION)


def test_bodies_have_examples(description: dict[str, Any]) -> None:
    properties = description["components"]["schemas"]["ModuleCreate"]["properties"]

    assert properties["name"]["examples"] == ["billing"]
    assert properties["version"]["examples"] == ["1.2.0"]
