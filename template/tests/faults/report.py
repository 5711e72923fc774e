"""What a fault did to the writes and to the consumers, counted as Jepsen does."""

import os
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Final
from uuid import UUID

from faults.load import Attempt


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the writes.

    Attributes:
        lost: Acknowledged, but not in the log; or in the log, but without the effect of a consumer.
        duplicated: More than once in the log, or with an effect more than once.
        unexpected: With an effect or in the log, although refused; or an effect of a record that the log has not.
    """

    acknowledged: int
    lost: int
    duplicated: int
    unexpected: int
    in_doubt: int
    in_doubt_written: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The figures of one fault; times in seconds. `reconciled_s` counts from the end of the fault."""

    fault: str
    counts: Counts
    p50_s: float
    p99_s: float
    max_s: float
    max_before_s: float
    first_write_s: float
    reconciled_s: float
    throughput_before: float
    throughput_after: float
    lag_before_s: float
    lag_after_s: float
    delivered_again: int
    note: str

    @property
    def throughput_percent(self) -> float:
        return 100 * self.throughput_after / self.throughput_before


COLUMNS: Final[dict[str, Callable[[Verdict], Any]]] = {
    "fault": lambda each: each.fault,
    "acknowledged": lambda each: each.counts.acknowledged,
    "lost": lambda each: each.counts.lost,
    "duplicated": lambda each: each.counts.duplicated,
    "unexpected": lambda each: each.counts.unexpected,
    "in doubt (written)": lambda each: f"{each.counts.in_doubt} ({each.counts.in_doubt_written})",
    "refused": lambda each: each.counts.refused,
    "p50 ms": lambda each: f"{each.p50_s * 1000:.1f}",
    "p99 ms": lambda each: f"{each.p99_s * 1000:.0f}",
    "max s": lambda each: f"{each.max_s:.2f}",
    "first write s": lambda each: f"{each.first_write_s:.2f}",
    "reconciled s": lambda each: f"{each.reconciled_s:.2f}",
    "throughput %": lambda each: f"{each.throughput_percent:.0f}",
    "lag before → after ms": lambda each: f"{each.lag_before_s * 1000:.0f} → {each.lag_after_s * 1000:.0f}",
    "delivered again": lambda each: each.delivered_again,
    "note": lambda each: each.note,
}
LEGEND: Final = """\
Each row is one fault under a steady load of 160 writes a second: `log_l1` in transactions that overlap, changes
recorded on AUTOCOMMIT, the batched writer, and POST requests to a served process. PostgreSQL waits for the
disk, and all processes reach it through a proxy. Two processes run two consumers: the effect of one lies in a
file, that of the other in the same PostgreSQL.

- acknowledged: the caller got a success. lost: acknowledged, but not in the log; or in the log, but without the
  effect of a consumer.
- duplicated: in the log twice, or with an effect twice. delivered again: what the consumer outside of
  PostgreSQL was given a second time; its effect is idempotent.
- unexpected: refused, but in the log or with an effect; or an effect of a record that the log does not have.
- in doubt: the caller got an error that does not say whether the write happened; in brackets those that did
  happen.
- p50, p99, max: of all writes, whatever their outcome, from 1.5 s before the fault until 1.5 s after the
  reconciliation.
- first write: from the end of the fault to the first acknowledged write. reconciled: until the consumers had
  handled all that was in the log at the end of the fault.
- throughput: acknowledged writes a second after the reconciliation, in percent of those before the fault;
  measured over 1.5 s, at most three times, until it is at least 95 %.
- lag: age of the oldest record that a consumer has not handled, median of the samples before the fault and
  after the reconciliation. After a fault of Redis it is up to 1 s (the interval at which consumers read the log
  by themselves) until the circuit breaker closes again, 30 s after it opened.
"""


def judge(
    attempts: Sequence[Attempt],
    stored: Mapping[UUID, str],
    effects: Sequence[Mapping[UUID, int]],
) -> Counts:
    """Return what became of the writes.

    Args:
        attempts: The writes, and what their callers were told.
        stored: The mark of each record in the log.
        effects: For each consumer, how often each record had its effect.
    """
    told = {attempt.mark: attempt.outcome for attempt in attempts}
    marks = {
        outcome: {mark for mark in told if told[mark] == outcome} for outcome in ("acknowledged", "in doubt", "refused")
    }
    in_log = Counter(mark for mark in stored.values() if mark in told)
    complete = {mark for record, mark in stored.items() if all(record in each for each in effects)}
    twice = {mark for mark, times in in_log.items() if times > 1}
    twice |= {stored[record] for each in effects for record, times in each.items() if times > 1 and record in stored}
    strangers = {record for each in effects for record in each} - stored.keys()
    return Counts(
        acknowledged=len(marks["acknowledged"]),
        lost=len((marks["acknowledged"] | in_log.keys()) - complete),
        duplicated=len(twice & told.keys()),
        unexpected=len(marks["refused"] & in_log.keys()) + len(strangers),
        in_doubt=len(marks["in doubt"]),
        in_doubt_written=len(marks["in doubt"] & in_log.keys()),
        refused=len(marks["refused"]),
    )


def latencies(attempts: Sequence[Attempt]) -> tuple[float, float, float]:
    """Return p50, p99 and the maximum."""
    each = [attempt.latency_s for attempt in attempts]
    percentiles = quantiles(each, n=100)
    return percentiles[49], percentiles[98], max(each)


def as_text(verdicts: Sequence[Verdict]) -> str:
    """Return a table for a terminal; the note of a fault is on a line of its own."""
    header, *rows = _rows(verdicts)
    heads = [_wrapped(name) for name in header[:-1]]
    widths = [max(*map(len, head), *(len(row[index]) for row in rows)) for index, head in enumerate(heads)]
    lines = [_aligned([head[line] for head in heads], widths) for line in range(2)]
    for row in rows:
        lines += [_aligned(row[:-1], widths), *([f"    {row[-1]}"] if row[-1] else [])]
    return "\n".join(lines)


def as_markdown(tables: Mapping[str, Sequence[Verdict]]) -> str:
    """Return a page of tables with their headings."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    parts = [f"# Faults\n\n{LEGEND}\nMeasured on {machine}."]
    for heading, verdicts in tables.items():
        header, *rows = _rows(verdicts)
        lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header), *(f"| {' | '.join(row)} |" for row in rows)]
        parts.append(f"## {heading}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    return [list(COLUMNS), *([str(cell(verdict)) for cell in COLUMNS.values()] for verdict in verdicts)]


def _wrapped(name: str) -> tuple[str, str]:
    """Return a heading on two lines."""
    first, _, rest = name.partition(" ")
    return first, rest


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if not index else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()
