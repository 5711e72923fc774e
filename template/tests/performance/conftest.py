"""How asynchronous work is measured: on the loop on which its fixtures live, and beside what else is measured."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import URL

from databases import throw_away_database, upgrade
from ratios import BLOCKS, Baseline, Compare, Contest, Judge, Samples, Work, contested, interleaved, p95, ratio
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings
from src.l1.entries import Log

ROUNDS = 300
WARM_UP_ROUNDS = 30
OF_OTHERS = {
    "ORM",
    "driver pool",
    "liveness",
    "PgQueuer",
    "procrastinate",
}  # there to compare with: how they fare is no concern of ours
LINES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session", autouse=True)
def no_coverage(pytestconfig: pytest.Config) -> Iterator[None]:
    """Without coverage, which would distort the measurement."""
    coverage = pytestconfig.pluginmanager.getplugin("_cov")
    controller = coverage.cov_controller if coverage else None
    if controller:
        controller.pause()
    yield
    if controller:
        controller.resume()


@pytest.fixture(scope="session")
async def loop() -> asyncio.AbstractEventLoop:
    """The loop of the asynchronous fixtures; it rests while a synchronous test runs."""
    return asyncio.get_running_loop()


@pytest.fixture(scope="session")
def log() -> Log:
    """The log of one of the modules."""
    return load_slice(SAMPLE_SLICE).log


@pytest.fixture(scope="session")
async def measured_settings(database_server: URL) -> AsyncIterator[Settings]:
    """Settings that name a database on which measurements commit."""
    async with throw_away_database(database_server) as settings:
        await upgrade(settings)
        yield settings


@pytest.fixture
def measure(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    report: Callable[[str], None],
    request: pytest.FixtureRequest,
) -> Callable[[Work], None]:
    """Measure one await of some work, round by round; within a group the table shows the ratio to the fastest."""

    async def awaited(work: Work) -> object:
        return await work()

    def measure(work: Work) -> None:
        def once() -> object:
            return loop.run_until_complete(awaited(work))

        benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=WARM_UP_ROUNDS)  # type: ignore[no-untyped-call]
        if not benchmark.disabled:
            taken: Samples = benchmark.stats.stats.data  # type: ignore[union-attr]  # there are some by now
            benchmark.extra_info["p95_ms"] = round(p95(taken) * 1000, 3)
            report(f"{request.node.name}: p50 {median(taken) * 1000:.3f} ms, p95 {p95(taken) * 1000:.3f} ms")

    return measure


@pytest.fixture
def compare(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, report: Callable[[str], None], judge: Judge
) -> Compare:
    """Measure works in turns, and judge them by their ratio to the first."""

    def compare(
        name: str, works: Mapping[str, Work], *, rounds: int = ROUNDS, pause_s: float = 0
    ) -> dict[str, Samples]:
        rounds = 1 if benchmark.disabled else rounds
        run = interleaved(works, rounds=rounds, warm_up=min(rounds, WARM_UP_ROUNDS), pause_s=pause_s)
        samples: dict[str, Samples] = benchmark.pedantic(loop.run_until_complete, (run,))  # type: ignore[no-untyped-call]
        for work, taken in samples.items():
            report(f"{name}, {work}: p50 {median(taken) * 1000:.3f} ms, p95 {p95(taken) * 1000:.3f} ms")
            benchmark.extra_info[f"{work}, p95_ms"] = round(p95(taken) * 1000, 3)
        judge(name, samples)
        return samples

    return compare


@pytest.fixture
def contest(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, report: Callable[[str], None], judge: Judge
) -> Contest:
    """Measure how many rounds a second works achieve with many tasks, and judge them by their ratio to the first."""

    def contest(name: str, works: Mapping[str, Work], *, tasks: int, rounds: Mapping[str, int]) -> None:
        blocks, rounds = (1, dict.fromkeys(works, tasks)) if benchmark.disabled else (BLOCKS, rounds)
        run = contested(works, tasks=tasks, rounds=rounds, blocks=blocks)
        paces, latencies = benchmark.pedantic(loop.run_until_complete, (run,))  # type: ignore[no-untyped-call]
        for work, pace in paces.items():
            p95_ms = p95(latencies[work]) * 1000
            report(f"{name}, {work}: {1 / median(pace):,.0f} a second, p95 {p95_ms:.2f} ms")
            benchmark.extra_info[f"{work}, p95_ms"] = round(p95_ms, 3)
        judge(name, paces)

    return contest


@pytest.fixture
def judge(benchmark: BenchmarkFixture, report: Callable[[str], None]) -> Judge:
    """Report the ratio of each to the first, and fail where one is worse than the baseline's by more than noise."""
    baseline = Baseline(Path(__file__).with_name("baseline.json"), is_renewed="RENEW_BASELINE" in os.environ)

    def judge(name: str, samples: Mapping[str, Samples]) -> None:
        regressions = []
        first, *others = samples
        for work in others:
            if benchmark.disabled:
                continue
            value, noise = ratio(samples[work], samples[first])
            report(f"{name}, {work}: {value:.2f} times {first}, noise {noise:.0%}")
            if work not in OF_OTHERS:
                regressions.append(baseline.regression(f"{name}: {work}", value, noise=noise))
        assert [sentence for sentence in regressions if sentence] == []

    return judge


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Have a line printed at the end of the run."""
    return pytestconfig.stash.setdefault(LINES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was reported."""
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)
