"""Show and control the consumers of the log, in every module.

    uv run python scripts/highway.py status
    uv run python scripts/highway.py replay cc.audit [RECORD_ID]     give dead letters again: all, or one
    uv run python scripts/highway.py skip cc.audit                   pass over the record that it cannot handle
    uv run python scripts/highway.py reset cc.audit --to beginning   handle the whole log again; or --to end
    uv run python scripts/highway.py forget cc.audit                 delete the checkpoint of a consumer without code

The service may run meanwhile. All take --json. Exit status: 0 done; 1 refused, or a dead letter failed again; 2 usage.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel

from src.backend.slice import load_slice, subscribers_of
from src.common.config import Settings, settings_or_exit
from src.common.errors import RefusalError
from src.common.pubsub import PubSubHealth, RedisPubSub
from src.common.startup_errors import StartupError
from src.cos_main import SLICES
from src.db.connection import open_database
from src.db.schema_check import check_schema
from src.graph.repository import open_graph
from src.highway.control import ConsumerStatus, Control, DeadLetter

LETTERS_SHOWN = 20


class Status(BaseModel):
    """All that `status` shows."""

    consumers: list[ConsumerStatus]
    dead_letters: list[DeadLetter]
    redis: PubSubHealth


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
    async with open_database(settings) as database, open_graph(settings) as graph:
        await check_schema(database)
        subscribers = subscribers_of(slices, graph)
        control = Control(settings, database, logs=[part.log for part in slices], subscribers=subscribers)
        match options.command:
            case "status":
                status = await _status(control, settings)
                print(status.model_dump_json(indent=2) if options.json else "\n".join(_lines(status)))
            case "replay":
                replay = await control.replay(options.consumer, options.record_id)
                failed = [f"failed again: {record_id}: {reason}" for record_id, reason in replay.failed.items()]
                text = "\n".join([f"{len(replay.handled)} dead letters handled", *failed])
                print(replay.model_dump_json(indent=2) if options.json else text)
                return 1 if replay.failed else 0
            case "skip":
                record_id = await control.skip(options.consumer)
                _say(options, f"skipped the record {record_id}, now a dead letter", record_id=str(record_id))
            case "reset":
                position = await control.reset(options.consumer, to=options.to)
                _say(options, f"{options.consumer} begins at the {options.to}", xid=position.xid, seq=position.seq)
            case _:
                await control.forget(options.consumer)
                _say(options, f"{options.consumer} is forgotten", consumer=options.consumer)
    return 0


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command and its options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in (
        ("status", "show consumers, checkpoints, lag, dead letters and Redis"),
        ("replay", "give a consumer its dead letters again"),
        ("skip", "make the next record of a consumer a dead letter"),
        ("reset", "move a checkpoint to the beginning or the end of the log"),
        ("forget", "delete the checkpoint of a consumer that the code no longer has"),
    ):
        command = commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
        command.add_argument("--json", action="store_true", help="print the result as one JSON document")
        if name != "status":
            command.add_argument("consumer", help="<module>.<consumer>, as `status` shows it")
        if name == "replay":
            command.add_argument("record_id", nargs="?", type=UUID, help="one dead letter (default: all)")
        if name == "reset":
            command.add_argument("--to", required=True, choices=("beginning", "end"))
    return parser.parse_args(arguments)


async def _status(control: Control, settings: Settings) -> Status:
    pubsub = RedisPubSub(settings)
    try:
        consumers, letters = await control.status(), await control.dead_letters()
        return Status(consumers=consumers, dead_letters=letters, redis=await pubsub.health_check())
    finally:
        await pubsub.aclose()


def _lines(status: Status) -> list[str]:
    heads = ("consumer", "lag", "oldest", "dead letters", "leader", "checkpoint", "last moved")
    rows = [heads, *(_row(each) for each in status.consumers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    letters = [
        f"  {each.module}.{each.consumer}  {each.record_id}  {each.failed_at:%Y-%m-%d %H:%M:%S}  {each.reason}"
        for each in status.dead_letters[:LETTERS_SHOWN]
    ]
    if len(status.dead_letters) > LETTERS_SHOWN:
        letters.append(f"  and {len(status.dead_letters) - LETTERS_SHOWN} more; --json lists all")
    redis = f"redis: {status.redis.status}" + (f" ({status.redis.server})" if status.redis.server else "")
    return [
        *(table if status.consumers else ["No module has a consumer yet."]),
        *(["", "dead letters:", *letters] if letters else []),
        "",
        f"{redis}; the service's own circuit breaker is in /health/ready",
    ]


def _row(each: ConsumerStatus) -> tuple[str, ...]:
    name = f"{each.module}.{each.consumer}" + ("" if each.is_in_code else " (not in the code)")
    if each.xid is None:
        return (name, "-", "-", "0", "-", "has never run", "-")
    oldest = f"{each.lag_seconds:.1f} s" if each.lag_records else "-"
    leader = f"pid {each.leader}" if each.leader else "none"
    moved = f"{each.updated_at:%Y-%m-%d %H:%M:%S}"
    return (name, str(each.lag_records), oldest, str(each.dead_letters), leader, f"{each.xid}/{each.seq}", moved)


def _say(options: argparse.Namespace, sentence: str, **result: object) -> None:
    print(json.dumps(result) if options.json else sentence)


if __name__ == "__main__":
    main()
