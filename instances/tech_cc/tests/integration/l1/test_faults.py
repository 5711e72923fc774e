"""PostgreSQL goes away while records are written: what was acknowledged is there, and nothing is there twice.

`uv run pytest tests/integration/l1/test_faults.py -m "faults or not faults" -rP` runs each and prints the figures.
"""

import asyncio
import logging
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr
from sqlalchemy import text

from databases import upgrade
from fault_server import FaultServer, fault_server
from src.common.config import Settings
from src.common.errors import UnavailableError
from src.cos_main import create_app
from src.db.connection import open_database
from src.l1.entries import Event, Log
from src.l1.pending_write import L1InDoubtError
from src.l1.writer import L1Writer

WRITERS = 4
ANSWER_LIMIT_S = 4.0

type Attempt = Callable[[str], Awaitable[str]]


@dataclass
class Tally:
    """How many attempts ended in which way, by their marks, and how long they took."""

    outcomes: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    last_refusal: float = 0.0
    first_success_after: float = 0.0

    def note(self, mark: str, outcome: str, *, started: float) -> None:
        now = time.perf_counter()
        self.outcomes[mark] = outcome
        self.slowest_s = max(self.slowest_s, now - started)
        if outcome == "acknowledged":
            self.first_success_after = self.first_success_after or now
        else:
            self.last_refusal, self.first_success_after = now, 0.0

    def marks(self, outcome: str) -> set[str]:
        return {mark for mark, came in self.outcomes.items() if came == outcome}

    def report(self, found: Counter[str], *, recovered: float) -> str:
        """Return the figures that a fault is judged by."""
        acknowledged, in_doubt = self.marks("acknowledged"), self.marks("in doubt")
        figures = {
            "acknowledged": len(acknowledged),
            "lost": len(acknowledged - found.keys()),
            "duplicated": sum(found[mark] > 1 for mark in self.outcomes),
            "in doubt": f"{len(in_doubt)} ({len(in_doubt & found.keys())} written)",
            "refused": len(self.marks("refused")),
            "slowest": f"{self.slowest_s:.2f} s",
            "2xx again after": f"{max(self.first_success_after - recovered, 0):.2f} s",
        }
        return ", ".join(f"{name} {figure}" for name, figure in figures.items())


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """A server that nobody else uses; its data lie where its system user may go."""
    with tempfile.TemporaryDirectory(prefix="cos-faults-", ignore_cleanup_errors=True) as directory:
        async with fault_server(Path(directory) / "postgres") as server:
            yield server


@pytest.fixture
async def fault_settings(server: FaultServer) -> Settings:
    """Settings that name a migrated database on the server."""
    url = server.url.render_as_string(hide_password=False)
    settings = Settings(environment="test", database_url=SecretStr(url))
    await upgrade(settings)
    return settings


def by_request(client: AsyncClient, log: Log) -> Attempt:
    """Write by POST /test-log, in a transaction of the request."""

    async def attempt(mark: str) -> str:
        answer = await client.post(f"/{log.module}/test-log", json={"message": mark})
        if answer.status_code == 503 and answer.headers["retry-after"] == "1":
            return "in doubt"  # it does not say whether a commit was on its way
        return "acknowledged" if answer.status_code == 200 else f"unexpected {answer.status_code}"

    return attempt


def by_writer(writer: L1Writer, log: Log) -> Attempt:
    """Write through the batched writer, which says what is in doubt."""

    async def attempt(mark: str) -> str:
        try:
            await writer.submit(log, [Event("debug.test_log", {"message": mark})])
        except L1InDoubtError:
            return "in doubt"
        except UnavailableError:
            return "refused"
        return "acknowledged"

    return attempt


async def write_until(stopped: asyncio.Event, attempt: Attempt, tally: Tally, prefix: str) -> None:
    for number in count():
        if stopped.is_set():
            return
        mark, started = f"{prefix}-{number}", time.perf_counter()
        outcome = await attempt(mark)
        tally.note(mark, outcome, started=started)
        if outcome != "acknowledged":
            await asyncio.sleep(0.02)


async def stored(settings: Settings, log: Log) -> Counter[str]:
    """Return how often each mark is in the log."""
    async with open_database(settings) as database, database.engine.connect() as connection:
        return Counter(await connection.scalars(text(f"SELECT payload->>'message' FROM {log.schema}.event_log")))


async def kill(server: FaultServer) -> None:
    server.kill()
    await asyncio.sleep(0.2)
    await server.start()


async def freeze(server: FaultServer) -> None:
    server.freeze()
    await asyncio.sleep(6)
    server.thaw()


async def stop(server: FaultServer) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(2)
    await server.start()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(kill, marks=pytest.mark.long),
        pytest.param(freeze, marks=pytest.mark.faults),
        pytest.param(stop, marks=pytest.mark.faults),
    ],
)
async def test_what_was_acknowledged_survives(
    server: FaultServer, fault_settings: Settings, log: Log, fault: Callable[[FaultServer], Awaitable[None]]
) -> None:
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells of every request
    app = create_app(fault_settings)
    tallies = {"request": Tally(), "writer": Tally()}
    stopped = asyncio.Event()
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://test") as client:
        attempts = {"request": by_request(client, log), "writer": by_writer(app.state.l1_writer, log)}
        async with asyncio.TaskGroup() as tasks:
            for way, attempt in attempts.items():
                for number in range(WRITERS):
                    tasks.create_task(write_until(stopped, attempt, tallies[way], f"{way}-{number}"))
            await asyncio.sleep(0.3)
            await fault(server)
            recovered = time.perf_counter()
            await asyncio.sleep(1)
            stopped.set()

    found = await stored(fault_settings, log)
    for way, tally in tallies.items():
        print(fault.__name__, "by", way, tally.report(found, recovered=recovered))  # noqa: T201
        assert tally.marks("acknowledged") <= found.keys()
        assert not tally.marks("refused") & found.keys()
        assert set(tally.outcomes.values()) <= {"acknowledged", "in doubt", "refused"}
        assert tally.slowest_s < ANSWER_LIMIT_S
        assert tally.first_success_after - recovered < 1
    assert max(found.values()) == 1
