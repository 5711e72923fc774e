"""How many requests a subject may send to the MCP servers of one process in a minute."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import ClassVar, Final

from src.common.errors import RefusalError

MINUTE_S: Final = 60.0
SUBJECTS_LIMIT: Final = 10_000


class TooManyCallsError(RefusalError):
    """The subject has used up what it may call in this minute."""

    problem_type: ClassVar[str] = "too-many-calls"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, limit: int, wait_s: int) -> None:
        super().__init__(f"At most {limit} MCP requests a minute are allowed. Try again in {wait_s} s.")
        self.headers = {"Retry-After": str(wait_s)}  # type: ignore[misc]  # of this one answer


class RateLimit:
    """A bucket for each subject: full at first, a request takes one, and a minute fills it again; 0 is no limit."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str | None, tuple[float, float]] = OrderedDict()  # what is left, and when

    def count(self, subject: str | None) -> None:
        """Count a request of this subject.

        Raises:
            TooManyCallsError: It is one too many; it was not counted.
        """
        if not self._per_minute:
            return
        now = self._clock()
        left, since = self._buckets.pop(subject, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / MINUTE_S)
        is_allowed = left >= 1
        self._buckets[subject] = (left - is_allowed, now)
        if len(self._buckets) > SUBJECTS_LIMIT:
            self._buckets.popitem(last=False)  # the one that has not called for longest
        if not is_allowed:
            raise TooManyCallsError(limit=self._per_minute, wait_s=math.ceil((1 - left) * MINUTE_S / self._per_minute))
