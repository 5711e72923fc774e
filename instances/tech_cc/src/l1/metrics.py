"""Metrics of the log."""

from src.common.telemetry.metrics import Durations

record_duration = Durations(
    "mem0.record.duration",
    "How long a record takes: until its statement ends in a transaction, until its commit through the writer.",
)
