"""How asynchronous work is measured: on the loop on which its fixtures live, one await a round."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

type Work = Callable[[], Awaitable[object]]

ROUNDS = 300
WARM_UP_ROUNDS = 30


@pytest.fixture(scope="session", autouse=True)
def no_coverage(pytestconfig: pytest.Config) -> Iterator[None]:
    """Coverage would be most of what is measured."""
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


@pytest.fixture
def measure(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> Callable[[Work], None]:
    """Measure one await of some work, round by round; within a group the table shows the ratio to the fastest."""

    async def awaited(work: Work) -> object:
        return await work()

    def measure(work: Work) -> None:
        def once() -> object:
            return loop.run_until_complete(awaited(work))

        benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=WARM_UP_ROUNDS)  # type: ignore[no-untyped-call]

    return measure
