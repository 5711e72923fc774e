"""What the log tells of itself while it runs."""

from opentelemetry.metrics import get_meter

record_duration = get_meter("cos.l1").create_histogram(
    "mem0.record.duration",
    unit="s",
    description="How long a record takes: to its statement's end in a transaction, to its commit through the writer.",
    explicit_bucket_boundaries_advisory=[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
)
