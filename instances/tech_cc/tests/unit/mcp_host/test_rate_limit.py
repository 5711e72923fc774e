import pytest

from src.mcp_host import rate_limit
from src.mcp_host.rate_limit import RateLimit, TooManyCallsError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_used_comes_back_with_time() -> None:
    clock = Clock()
    limit = RateLimit(2, clock=clock)
    limit.count("ana")
    limit.count("ana")
    with pytest.raises(
        TooManyCallsError, match=r"At most 2 MCP requests a minute are allowed. Try again in 30 s."
    ) as refused:
        limit.count("ana")

    clock.now += 30
    limit.count("ana")

    assert refused.value.headers == {"Retry-After": "30"}
    with pytest.raises(TooManyCallsError):
        limit.count("ana")


def test_without_a_limit_nothing_is_counted() -> None:
    limit = RateLimit(0)

    for _ in range(1000):
        limit.count(None)


def test_only_so_many_subjects_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "SUBJECTS_LIMIT", 2)
    limit = RateLimit(1)

    for subject in ("ana", "ben", "eva", "ana"):  # the first is forgotten by then
        limit.count(subject)
