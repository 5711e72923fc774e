"""What the log tells of itself while it runs."""

from src.common.metrics import Durations

record_duration = Durations(
    "mem0.record.duration",
    "How long a record takes: to its statement's end in a transaction, to its commit through the writer.",
)
