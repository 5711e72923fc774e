import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from src.common.background_tasks import BackgroundTask, BackgroundTasks, backoff_s, open_background_tasks
from src.common.errors import UnavailableError


class Work:
    """Work that raises the given errors, one in each run, and then ends."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.runs = 0

    async def __call__(self) -> None:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between runs; each ends at once."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def pass_quickly(delay_s: float) -> None:
        pauses.append(delay_s)
        await sleep(0)

    monkeypatch.setattr("src.common.background_tasks.asyncio.sleep", pass_quickly)
    return pauses


async def finished(run: Callable[[], Awaitable[None]]) -> BackgroundTasks:
    """Run a task to its end, and return the place where its state is."""
    async with open_background_tasks() as tasks:
        await tasks.start(BackgroundTask(name="work", run=run))
        return tasks


@pytest.mark.usefixtures("pauses")
async def test_a_task_that_fails_is_started_again() -> None:
    work = Work(KeyError("a"), ValueError("b"))

    tasks = await finished(work)

    assert work.runs == 3
    assert (tasks.states["work"].status, tasks.states["work"].failures) == ("ended", 0)


async def test_the_pause_doubles_with_each_failure_up_to_a_minute(pauses: list[float]) -> None:
    await finished(Work(*[KeyError()] * 3))

    assert pauses == [0, 0.5, 1, 2]
    assert backoff_s(1000) == 60


@pytest.mark.usefixtures("pauses")
async def test_a_failure_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    await finished(Work(KeyError("the cause")))

    (line,) = [line for line in caplog.records if line.name == "src.common.background_tasks"]
    assert line.levelno == logging.ERROR
    assert line.exc_info
    assert repr(line.exc_info[1]) == "KeyError('the cause')"


@pytest.mark.usefixtures("pauses")
async def test_an_outage_is_one_warning_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    outage = UnavailableError("PostgreSQL does not answer.")
    outage.__cause__ = OSError("no route to host")

    await finished(Work(outage))

    (line,) = [line for line in caplog.records if line.name == "src.common.background_tasks"]
    assert (line.levelno, line.exc_info) == (logging.WARNING, None)
    assert line.getMessage().endswith("PostgreSQL does not answer. Cause: OSError: no route to host")


async def test_a_task_that_keeps_failing_shows_how_often_and_why() -> None:
    async with open_background_tasks() as tasks:
        tasks.start(BackgroundTask(name="work", run=Work(KeyError("secret"))))
        await asyncio.sleep(0.05)

        state = tasks.states["work"]

    assert (state.status, state.failures, state.last_error) == ("failed", 1, "KeyError")


async def test_a_task_with_an_interval_runs_again_after_each_interval(pauses: list[float]) -> None:
    is_enough = asyncio.Event()

    async def run() -> None:
        if len(pauses) == 3:
            is_enough.set()

    async with open_background_tasks() as tasks:
        tasks.start(BackgroundTask(name="work", run=run, interval_s=9))
        await is_enough.wait()

    assert pauses[:3] == [9, 9, 9]


async def test_tasks_are_cancelled_at_the_end_and_may_clean_up() -> None:
    seen: list[str] = []

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    async with open_background_tasks() as tasks:
        running = tasks.start(BackgroundTask(name="work", run=run))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert running.cancelled()
    assert seen == ["cleaned up"]


async def test_a_task_that_ignores_its_end_does_not_hold_up_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.common.background_tasks.CANCEL_LIMIT_S", 0.01)
    may_end = asyncio.Event()

    async def run() -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue

    async with open_background_tasks() as tasks:
        running = tasks.start(BackgroundTask(name="work", run=run))
        await asyncio.sleep(0.01)

    assert not running.done()
    may_end.set()
    await running
