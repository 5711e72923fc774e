"""The highway of one process, whose consumers are those of the test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from src.common.background_tasks import BackgroundTasks, open_background_tasks
from src.common.config import Settings
from src.db.connection import Database, open_database
from src.highway.lifespan import Highway, open_highway
from src.highway.subscriber import AnySubscriber
from src.l1.entries import Log
from src.l1.writer import L1Writer, open_writer


@dataclass(frozen=True, slots=True)
class Running:
    """A running highway, and what writes to its log."""

    highway: Highway
    writer: L1Writer
    tasks: BackgroundTasks


type RunHighway = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def run_highway(
    committing_database: Database,  # noqa: ARG001  # it is emptied after the test
    committing_settings: Settings,
    redis_url: SecretStr,
    log: Log,
) -> RunHighway:
    """Run the highway of one process with these subscribers, on a database that the test has for itself."""
    with_redis = committing_settings.model_copy(update={"redis_url": redis_url})

    @asynccontextmanager
    async def run(*subscribers: AnySubscriber, settings: Settings = with_redis) -> AsyncIterator[Running]:
        async with (
            open_database(settings) as database,
            open_background_tasks() as tasks,
            open_writer(settings, tasks) as writer,
            open_highway(settings, database, writer, tasks, [(log, each) for each in subscribers]) as highway,
        ):
            yield Running(highway, writer, tasks)

    return run
