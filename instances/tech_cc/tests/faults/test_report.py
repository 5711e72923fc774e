from uuid import uuid4

from faults.load import Attempt, Outcome
from faults.report import Counts, judge

FIRST, SECOND, THIRD, FOURTH = (uuid4() for _ in range(4))


def attempt(mark: str, outcome: Outcome) -> Attempt:
    return Attempt(mark, "writer", outcome, 0.0, 0.1)


def test_what_reached_the_log_and_every_consumer_once_is_not_counted_as_a_fault() -> None:
    attempts = [
        attempt("a", "acknowledged"),
        attempt("b", "in doubt"),
        attempt("c", "in doubt"),
        attempt("d", "refused"),
    ]

    counts = judge(attempts, {FIRST: "a", SECOND: "b"}, [{FIRST: 1, SECOND: 1}, {FIRST: 1, SECOND: 1}])

    assert counts == Counts(1, lost=0, duplicated=0, unexpected=0, in_doubt=2, in_doubt_written=1, refused=1)


def test_an_acknowledged_write_is_lost_if_the_log_or_one_consumer_does_not_have_it() -> None:
    attempts = [attempt("a", "acknowledged"), attempt("b", "acknowledged"), attempt("c", "acknowledged")]

    counts = judge(attempts, {FIRST: "a", SECOND: "b"}, [{FIRST: 1, SECOND: 1}, {FIRST: 1}])

    assert counts.lost == 2


def test_a_second_record_and_a_second_effect_are_duplicates() -> None:
    attempts = [attempt("a", "acknowledged"), attempt("b", "acknowledged")]
    stored = {FIRST: "a", SECOND: "a", THIRD: "b"}

    counts = judge(attempts, stored, [{FIRST: 1, SECOND: 1, THIRD: 2}])

    assert counts.duplicated == 2


def test_a_refused_write_in_the_log_and_an_effect_without_a_record_are_unexpected() -> None:
    attempts = [attempt("a", "refused")]

    counts = judge(attempts, {FIRST: "a"}, [{FIRST: 1, FOURTH: 1}])

    assert counts.unexpected == 2
