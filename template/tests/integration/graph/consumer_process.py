"""The consumer of the graph in a process of its own, until it is killed: `python -m … LABEL BATCH_LIMIT`."""

import asyncio
import sys

from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.background_tasks import open_background_tasks
from src.common.config import get_settings
from src.db.connection import open_database
from src.graph.consumer import GraphSubscriber
from src.graph.repository import open_graph
from src.highway.lifespan import open_highway
from src.l1.writer import open_writer


async def main(label: str, batch_limit: int) -> None:
    """Consume the log of the first module."""
    settings = get_settings()
    part = load_slice(SAMPLE_SLICE)
    async with (
        open_database(settings) as database,
        open_background_tasks() as tasks,
        open_writer(settings, tasks) as writer,
        open_graph(settings) as graph,
    ):
        assert graph
        subscriber = GraphSubscriber(graph, module=part.module, label=label, models=part.graph_models)
        subscriber.batch_limit = batch_limit  # type: ignore[misc]  # smaller batches, so that more moments are tried
        async with open_highway(settings, database, writer, tasks, [(part.log, subscriber)]):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
