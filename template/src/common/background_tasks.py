"""Background tasks of the process, supervised in one place: an error is logged, and the task starts again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import BaseModel

from src.common.errors import UnavailableError, describe_outage
from src.common.telemetry.metrics import Durations

FIRST_BACKOFF_S: Final = 0.5
BACKOFF_LIMIT_S: Final = 60.0
CANCEL_LIMIT_S: Final = 2.0

log = logging.getLogger(__name__)
run_duration = Durations("cos.background_task.duration", "How long a background task ran until it ended or failed.")

Status = Literal["waiting", "running", "failed", "ended"]


class TaskState(BaseModel):
    """The state of a task as `/health/ready` shows it. `failures` counts those since the last success."""

    status: Status = "waiting"
    failures: int = 0
    last_error: str | None = None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTask:
    """What to run; with `interval_s`, again and again with that pause before each run.

    After a failure it starts again: after 0.5 s, 1 s, 2 s, … at most `backoff_limit_s`.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    interval_s: float | None = None
    backoff_limit_s: float = BACKOFF_LIMIT_S


class BackgroundTasks:
    """Start tasks, and start them again when they fail; `open_background_tasks` cancels them in the end."""

    def __init__(self) -> None:
        self.states: dict[str, TaskState] = {}
        self._running: set[asyncio.Task[None]] = set()

    def start(self, task: BackgroundTask) -> asyncio.Task[None]:
        """Run the task until it ends by itself, or until the process stops; return the asyncio task."""
        self._set(task, "waiting")
        running = asyncio.create_task(self._supervise(task), name=task.name)
        self._running.add(running)
        return running

    async def stop(self) -> None:
        """Cancel all tasks, and wait a short time for them to finish."""
        for running in self._running:
            running.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=CANCEL_LIMIT_S)

    async def _supervise(self, task: BackgroundTask) -> None:
        failures = 0
        while True:
            pause_s = backoff_s(failures, limit_s=task.backoff_limit_s)
            await asyncio.sleep(pause_s if failures else task.interval_s or 0)
            error = await self._run_once(task, failures=failures)
            failures = failures + 1 if error else 0
            if not error and task.interval_s is None:
                return

    async def _run_once(self, task: BackgroundTask, *, failures: int) -> Exception | None:
        """Run the task; return the error that ended it."""
        self._set(task, "running", failures=failures, error=self.states[task.name].last_error)
        started = asyncio.get_running_loop().time()
        error: Exception | None = None
        try:
            await task.run()
        except Exception as raised:  # noqa: BLE001  # whatever it is, the task must run again
            error = raised
            _log_failure(task, error, pause_s=backoff_s(failures + 1, limit_s=task.backoff_limit_s))
            self._set(task, "failed", failures=failures + 1, error=type(error).__name__)
        else:
            self._set(task, "ended" if task.interval_s is None else "waiting")
        outcome = "failed" if error else "ended"
        run_duration.record(asyncio.get_running_loop().time() - started, task=task.name, outcome=outcome)
        return error

    def _set(self, task: BackgroundTask, status: Status, *, failures: int = 0, error: str | None = None) -> None:
        now = datetime.now(UTC)
        self.states[task.name] = TaskState(status=status, failures=failures, last_error=error, since=now)


@asynccontextmanager
async def open_background_tasks() -> AsyncIterator[BackgroundTasks]:
    """Yield a place to start tasks, and cancel those that still run when the block is left."""
    tasks = BackgroundTasks()
    try:
        yield tasks
    finally:
        await tasks.stop()


def backoff_s(failures: int, *, limit_s: float = BACKOFF_LIMIT_S) -> float:
    """Return the pause after that many failures in a row: 0.5 s, 1 s, 2 s, … at most the limit."""
    return min(limit_s, FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 10))


def _log_failure(task: BackgroundTask, error: Exception, *, pause_s: float) -> None:
    if isinstance(error, UnavailableError):
        log.warning("The background task %s waits %g s: %s", task.name, pause_s, describe_outage(error))
    else:
        log.error("The background task %s failed; it starts again in %g s.", task.name, pause_s, exc_info=error)
