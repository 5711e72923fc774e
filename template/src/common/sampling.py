"""Which traces are recorded, and which of those are kept; every service decides alike, for the trace's id decides."""

from dataclasses import dataclass
from typing import Final

_LOW_64_BITS: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """When it begins a trace is recorded or not (head); when it ends one that was recorded is kept or not (tail)."""

    head_rate: float = 1.0
    keep_one_in: int = 1
    slow_ns: int = 1_000_000_000

    def records(self, trace_id: int) -> bool:
        """Say whether a trace that begins here is recorded; the same share of all as OpenTelemetry's ratio sampler."""
        return trace_id & _LOW_64_BITS < self.head_rate * (1 << 64)

    def keeps(self, trace_id: int, *, duration_ns: int, has_failed: bool) -> bool:
        """Say whether a recorded trace is worth keeping: it failed, was slow, or is the one in `keep_one_in`."""
        return has_failed or duration_ns >= self.slow_ns or (trace_id >> 64) % self.keep_one_in == 0
