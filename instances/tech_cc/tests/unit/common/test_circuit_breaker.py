"""The breaker beside a model of it, and each of its rules by itself."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from src.common.circuit_breaker import OPEN_S, Attempt, CircuitBreaker, CircuitOpenError, State


class OutageError(Exception):
    """What counts as a failure of the service."""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


REFUSED = -1
OUTCOMES: dict[str, BaseException | None] = {
    "success": None,
    "failure": OutageError(),
    "error of the caller": ValueError(),
    "cancellation": asyncio.CancelledError(),
}


@dataclass
class Call:
    """A call that is being made, and the number of state changes before it."""

    block: Attempt
    changes: int


@dataclass
class Model:
    """What the breaker must do, in other words than its own."""

    states: list[State] = field(default_factory=lambda: ["closed"])
    results: list[bool] = field(default_factory=list)  # since the last change
    wait_s: float = 0.0
    is_probing: bool = False

    @property
    def state(self) -> State:
        return self.states[-1]

    @property
    def visible_state(self) -> State:
        return "half-open" if self.state == "open" and self.wait_s <= 0 else self.state

    def begin(self) -> bool:
        """Return whether the call may be made."""
        if self.visible_state != self.state:
            self.change("half-open")
        if self.state == "half-open":
            may_call, self.is_probing = not self.is_probing, True
            return may_call
        return self.state == "closed"

    def end(self, outcome: str) -> None:
        self.is_probing = False
        if outcome in ("success", "failure"):
            self.results.append(outcome == "success")
        failed = self.results[-1:] == [False] if self.state == "half-open" else self.results[-3:] == [False] * 3
        if failed:
            self.change("open")
            self.wait_s = OPEN_S
        elif self.state == "half-open" and self.results == [True, True]:
            self.change("closed")

    def change(self, state: State) -> None:
        self.states.append(state)
        self.results = []
        self.is_probing = False


class BreakerMachine(RuleBasedStateMachine):
    """Calls that overlap, end late and end in every way, under a clock that jumps and a listener that raises."""

    calls: Bundle[Call] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        logging.disable()
        self.model = Model()
        self.clock = Clock()
        self.seen: list[State] = ["closed"]
        self.breaker = CircuitBreaker(counted=(OutageError,), on_change=self.note, clock=self.clock)

    def note(self, state: State) -> None:
        self.seen.append(state)
        raise RuntimeError("a listener that fails")

    @rule(target=calls)
    def begin(self) -> Call:
        block = self.breaker.attempt()
        if self.model.begin():
            block.__enter__()
            return Call(block, len(self.model.states))
        with pytest.raises(CircuitOpenError) as refused:
            block.__enter__()
        assert refused.value.retry_after_s == pytest.approx(self.model.wait_s if self.is_open else 0.0)
        return Call(block, REFUSED)

    @rule(call=consumes(calls), outcome=st.sampled_from(sorted(OUTCOMES)))
    def end(self, call: Call, outcome: str) -> None:
        if call.changes == REFUSED:
            return
        if call.changes == len(self.model.states):
            self.model.end(outcome)
        error = OUTCOMES[outcome]
        call.block.__exit__(type(error), error, None)

    @rule(seconds=st.sampled_from([0.5, 29.0, 30.0, 31.0, 3600.0]))
    def move_the_clock_forwards(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.model.wait_s -= seconds

    @rule(seconds=st.sampled_from([0.5, 29.0, 3600.0]))
    def move_the_clock_back(self, seconds: float) -> None:
        self.clock.now_s -= seconds
        if self.is_open:
            self.model.wait_s = min(OPEN_S, self.model.wait_s + seconds)

    @property
    def is_open(self) -> bool:
        return self.model.state == "open"

    @invariant()
    def has_the_state_of_the_model(self) -> None:
        assert self.breaker.state == self.model.visible_state

    @invariant()
    def tells_each_change_once(self) -> None:
        assert self.seen == self.model.states

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(counted=(OutageError,), clock=clock)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with suppress(OutageError), breaker.attempt():
            raise OutageError


def succeed(breaker: CircuitBreaker) -> None:
    with breaker.attempt():
        pass


def state_of(breaker: CircuitBreaker) -> str:
    """Return the state; mypy takes the property for unchanged between two assertions."""
    return breaker.state


def test_three_failures_in_a_row_open_it_and_the_next_call_is_refused(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    succeed(breaker)
    fail(breaker, 2)
    assert state_of(breaker) == "closed"

    fail(breaker)

    assert state_of(breaker) == "open"
    with pytest.raises(CircuitOpenError, match=r"open. The next call is possible in 30.0 s"):
        succeed(breaker)


def test_after_thirty_seconds_two_successes_close_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s += 30

    states = [breaker.state]
    for _ in range(2):
        succeed(breaker)
        states.append(breaker.state)

    assert states == ["half-open", "half-open", "closed"]


def test_a_failure_while_half_open_opens_it_for_another_thirty_seconds(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s += 30
    succeed(breaker)

    fail(breaker)
    clock.now_s += 29.9

    assert state_of(breaker) == "open"


async def test_of_fifty_calls_at_once_one_is_made_while_half_open(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s += 30
    made = []

    async def call(number: int) -> None:
        with breaker.attempt():
            made.append(number)
            await asyncio.sleep(0)

    results = await asyncio.gather(*[call(number) for number in range(50)], return_exceptions=True)

    assert made == [0]
    assert sum(isinstance(result, CircuitOpenError) for result in results) == 49


async def test_a_cancelled_probe_lets_the_next_one_be_made(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s += 30

    async def call() -> None:
        with breaker.attempt():
            await asyncio.sleep(60)

    probe = asyncio.create_task(call())
    await asyncio.sleep(0)
    probe.cancel()
    await asyncio.wait([probe])

    assert probe.cancelled()
    succeed(breaker)
    assert state_of(breaker) == "half-open"


def test_a_call_that_began_before_the_outage_does_not_close_it(breaker: CircuitBreaker, clock: Clock) -> None:
    slow = [breaker.attempt() for _ in range(2)]
    for block in slow:
        block.__enter__()
    fail(breaker, 3)
    clock.now_s += 30
    succeed(breaker)

    for block in slow:
        block.__exit__(None, None, None)

    assert state_of(breaker) == "half-open"


def test_a_listener_that_raises_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_state: State) -> None:
        raise RuntimeError("I do not listen")

    breaker = CircuitBreaker(counted=(OutageError,), on_change=refuse)

    fail(breaker, 3)

    assert state_of(breaker) == "open"
    assert [each.message for each in caplog.records] == ["A listener of the circuit breaker failed."]


def test_a_clock_that_goes_back_an_hour_keeps_it_open_for_thirty_seconds_at_most(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    fail(breaker, 3)
    clock.now_s -= 3600
    assert state_of(breaker) == "open"

    clock.now_s += 30

    assert state_of(breaker) == "half-open"
