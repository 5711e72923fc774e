"""Show the graph, build it anew from the log, or delete what a removed module left in it.

    uv run python scripts/graph.py status
    uv run python scripts/graph.py rebuild MODULE        delete the module's nodes and make them again from its log
    uv run python scripts/graph.py delete DOMAIN_MODULE  delete the nodes of a module that was removed, in batches

The service may run meanwhile: the instance that leads the consumer does the rebuild. All take --json.
Exit status: 0 done, 1 refused, 2 usage.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Sequence

from pydantic import BaseModel

from src.backend.slice import Slice, load_slice
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings, settings_or_exit
from src.common.errors import ConflictError, NotFoundError, RefusalError
from src.common.startup_errors import StartupError
from src.cos_main import SLICES
from src.db.connection import Database, open_database
from src.db.schema_check import check_schema
from src.graph.base import NOT_CONFIGURED, GraphUnavailableError
from src.graph.consumer import GraphSubscriber, delete_module
from src.graph.queries import Counts, GraphQueries
from src.graph.registry import MODULE_LABELS
from src.graph.repository import GraphRepository, open_graph
from src.highway.consumer import wait_until_caught_up
from src.highway.control import ConsumerStatus, Control
from src.highway.cursor import BEGINNING
from src.highway.lifespan import open_highway
from src.l1.writer import open_writer

REBUILD_LIMIT_S = 24 * 3600.0
LABEL = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


class Status(BaseModel):
    """All that `status` shows."""

    server: str
    counts: Counts
    consumers: list[ConsumerStatus]


def main() -> None:
    """Do what the arguments say, and print the result."""
    options = parse()
    try:
        sys.exit(asyncio.run(run(options, settings_or_exit(modules=len(SLICES)))))
    except (RefusalError, StartupError) as refusal:
        sys.exit(str(refusal))


async def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the command and return the exit status."""
    slices = [load_slice(package) for package in SLICES]
    async with open_graph(settings) as graph:
        if graph is None:
            raise GraphUnavailableError(NOT_CONFIGURED)
        server = await graph.check()
        if options.command == "delete":
            deleted = await delete(graph, options.label)
            _say(options, f"{deleted} nodes of {options.label} deleted", deleted=deleted)
            return 0
        async with open_database(settings) as database:
            await check_schema(database)
            if options.command == "rebuild":
                nodes = await rebuild(settings, database, graph, _slice_of(slices, options.module))
                _say(options, f"{options.module} has {nodes} nodes", nodes=nodes)
                return 0
            status = await status_of(settings, database, graph, slices, server=server)
            print(status.model_dump_json(indent=2) if options.json else "\n".join(_lines(status)))
    return 0


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command and its options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="show server, counts and lag")
    rebuild_ = commands.add_parser("rebuild", help="make a module's nodes anew from its log")
    rebuild_.add_argument("module", help="its name, without the domain")
    delete_ = commands.add_parser("delete", help="delete the nodes of a module that was removed")
    delete_.add_argument("label", help="<domain>_<module>")
    for command in (status, rebuild_, delete_):
        command.add_argument("--json", action="store_true", help="print the result as one JSON document")
    return parser.parse_args(arguments)


async def status_of(
    settings: Settings, database: Database, graph: GraphRepository, slices: Sequence[Slice], *, server: str
) -> Status:
    """Return the state of the graph and of its consumers."""
    subscribers = [(part.log, _subscriber_of(graph, part)) for part in slices]
    control = Control(settings, database, logs=[part.log for part in slices], subscribers=subscribers)
    types = {name for part in slices for name in part.graph_models.types}
    counts = await GraphQueries(graph, types=types, modules=MODULE_LABELS).counts()
    consumers = [each for each in await control.status() if each.consumer == GraphSubscriber.name]
    return Status(server=server, counts=counts, consumers=consumers)


async def rebuild(settings: Settings, database: Database, graph: GraphRepository, part: Slice) -> int:
    """Return the number of nodes, made again from all records that the log still has.

    This process takes part as a further instance: it leads the consumer if the service does not run.
    """
    subscriber = _subscriber_of(graph, part)
    await subscriber.register()
    await subscriber.reset(BEGINNING, is_rebuilding=True)
    async with (
        open_background_tasks() as tasks,
        open_writer(settings, tasks) as writer,
        open_highway(settings, database, writer, tasks, [(part.log, subscriber)]) as highway,
    ):
        (consumer,) = highway.consumers.values()
        await wait_until_caught_up(consumer, timeout_s=REBUILD_LIMIT_S)
    return (await graph.count(types=[], modules=[part.label]))[part.label]


async def delete(graph: GraphRepository, label: str) -> int:
    """Return how many nodes of a module that the project no longer has were deleted.

    Raises:
        ConflictError: The project still has it.
    """
    if not LABEL.fullmatch(label):
        raise NotFoundError(f"{label[:100]!r} is no label of a module; a label looks like domain_module.")
    if label in MODULE_LABELS:
        raise ConflictError(f"The project still has {label}. Remove it with scripts/remove_module.py, or use rebuild.")
    return await delete_module(graph, label, with_checkpoint=True)


def _subscriber_of(graph: GraphRepository, part: Slice) -> GraphSubscriber:
    return GraphSubscriber(graph, module=part.module, label=part.label, models=part.graph_models)


def _slice_of(slices: Sequence[Slice], module: str) -> Slice:
    for part in slices:
        if part.module == module:
            return part
    known = ", ".join(part.module for part in slices)
    raise NotFoundError(f"There is no module {module[:100]!r}. There is: {known}.")


def _lines(status: Status) -> list[str]:
    counts = {**status.counts.types, **status.counts.modules}
    width = max(len(name) for name in counts)
    consumers = [
        f"{each.module}: {each.lag_records or 0} records behind, {each.dead_letters} dead letters"
        for each in status.consumers
    ]
    return [status.server, *(f"  {name.ljust(width)}  {number}" for name, number in counts.items()), *consumers]


def _say(options: argparse.Namespace, sentence: str, **result: object) -> None:
    print(json.dumps(result) if options.json else sentence)


if __name__ == "__main__":
    main()
