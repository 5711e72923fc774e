"""A circuit breaker: after several failures in a row, calls are refused at once until the other side has recovered."""

import logging
import time
from collections.abc import Callable
from typing import Final, Literal

FAILURES_TO_OPEN: Final = 3
OPEN_S: Final = 30.0
SUCCESSES_TO_CLOSE: Final = 2

State = Literal["closed", "open", "half-open"]
Listener = Callable[[State], None]

log = logging.getLogger(__name__)


class CircuitOpenError(Exception):
    """The call was not made, because earlier calls failed; `retry_after_s` says when the next one may be made."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__(f"The circuit breaker is open. The next call is possible in {retry_after_s:.1f} s.")
        self.retry_after_s = retry_after_s


class CircuitBreaker:
    """Count the failures of calls to one service. Not thread-safe: use it in one event loop.

    Closed: all calls are made; three failures in a row open it. Open: no call is made for 30 s. Half-open: one call at
    a time is made; two successes close it, a failure opens it again.

        with breaker.attempt():
            await redis.publish(channel, data)

    Args:
        counted: The exceptions that are failures of the service. Any other exception, a cancellation included, is
            neither a failure nor a success.
        on_change: Called with the new state; an exception that it raises is logged and changes nothing.
        clock: Seconds. If the clock goes back, the breaker stays open for 30 s at most.
    """

    def __init__(
        self,
        *,
        counted: tuple[type[Exception], ...] = (Exception,),
        on_change: Listener | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counted = counted
        self._on_change = on_change
        self._clock = clock
        self._state: State = "closed"
        self._changes = 0  # the result of a call is ignored if the state changed since the call began
        self._failures = 0
        self._successes = 0
        self._opened_at = 0.0
        self._is_probing = False

    @property
    def state(self) -> State:
        """The state now; an open breaker whose time is over is half-open."""
        return "half-open" if self._state == "open" and self._wait_s() <= 0 else self._state

    def attempt(self) -> "Attempt":
        """Return a context manager that lets its block make one call, and counts the result.

        It raises `CircuitOpenError` where the block must not make the call; the block is not entered then.
        """
        return Attempt(self)

    def _end_with(self, error: BaseException | None, changes: int) -> None:
        if error is None or isinstance(error, self._counted):
            self._end(changes, is_success=error is None)
        else:
            self._end(changes, is_success=None)

    def _begin(self) -> int:
        if self._state == "open" and self._wait_s() <= 0:
            self._change("half-open")
        if self._state == "open" or self._is_probing:
            raise CircuitOpenError(retry_after_s=max(0.0, self._wait_s()))
        self._is_probing = self._state == "half-open"
        return self._changes

    def _end(self, changes: int, *, is_success: bool | None) -> None:
        if changes != self._changes:
            return
        self._is_probing = False
        if is_success:
            self._failures = 0
            self._successes += 1
            if self._state == "half-open" and self._successes >= SUCCESSES_TO_CLOSE:
                self._change("closed")
        elif is_success is False:
            self._failures += 1
            if self._state == "half-open" or self._failures >= FAILURES_TO_OPEN:
                self._opened_at = self._clock()
                self._change("open")

    def _change(self, state: State) -> None:
        self._state = state
        self._changes += 1
        self._failures = self._successes = 0
        self._is_probing = False
        if self._on_change:
            try:
                self._on_change(state)
            except Exception:
                log.exception("A listener of the circuit breaker failed.")

    def _wait_s(self) -> float:
        """Return how long the breaker stays open."""
        if self._state != "open":
            return 0.0
        now = self._clock()
        self._opened_at = min(self._opened_at, now)  # the clock went back: the time begins again
        return self._opened_at + OPEN_S - now


class Attempt:
    """One call; a class, because a generator would cost three times as much."""

    __slots__ = ("_breaker", "_changes")

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker

    def __enter__(self) -> None:
        """Begin the call.

        Raises:
            CircuitOpenError: It must not be made.
        """
        self._changes = self._breaker._begin()  # noqa: SLF001  # a part of the breaker

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Count the result."""
        self._breaker._end_with(error, self._changes)  # noqa: SLF001
