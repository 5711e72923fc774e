"""`scripts/graph.py`: status, rebuild and delete."""

import pytest

import graph as script
from graph_server import wipe, with_graph
from integration.graph.conftest import Pipeline
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings
from src.common.errors import ConflictError, NotFoundError
from src.graph.registry import MODULE_LABELS
from src.l1.entries import Event

PART = load_slice(SAMPLE_SLICE)


@pytest.fixture
async def settings(pipeline: Pipeline, graph_server: Settings) -> Settings:
    await wipe(pipeline.graph, PART.label)
    return with_graph(pipeline.settings, graph_server)


async def test_a_rebuild_without_a_running_service_makes_the_graph_and_status_shows_it(
    pipeline: Pipeline, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await pipeline.record(Event("a.b"))
    await pipeline.record(Event("a.b"))
    for command in (["rebuild", PART.module], ["status"]):
        assert await script.run(script.parse(command), settings) == 0
    said = capsys.readouterr().out
    await wipe(pipeline.graph, PART.label)

    assert f"{PART.module} has 3 nodes" in said  # with the checkpoint
    assert f"{PART.module}: 0 records behind, 0 dead letters" in said


async def test_only_a_module_that_the_project_no_longer_has_can_be_deleted(
    pipeline: Pipeline, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = f"{pipeline.subscriber.label}_gone"
    await pipeline.graph.write(f"UNWIND range(1, 2500) AS n CREATE (:Event:{gone} {{rec_id: '{gone}' + n}})")

    assert await script.run(script.parse(["delete", gone, "--json"]), settings) == 0
    assert capsys.readouterr().out == '{"deleted": 2500}\n'
    with pytest.raises(ConflictError):
        await script.run(script.parse(["delete", MODULE_LABELS[0]]), settings)
    with pytest.raises(NotFoundError):
        await script.run(script.parse(["delete", "a`) DETACH DELETE n //"]), settings)
    with pytest.raises(NotFoundError):
        await script.run(script.parse(["rebuild", "nothing"]), settings)
