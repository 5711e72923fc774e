"""Histograms of the running process, sent once a minute to where its traces go."""

import logging
from typing import ClassVar, Final

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.re import parse_env_headers

from src.common.config import Settings

EXPORT_TIMEOUT_S: Final = 0.8  # the end of the process waits for the last one
INTERVAL_MS: Final = 60_000
BOUNDS_S: Final = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]


class Durations:
    """A histogram of seconds, which costs nothing while nobody collects it."""

    _known: ClassVar[list["Durations"]] = []

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self.histogram: Histogram | None = None
        self._known.append(self)

    def record(self, seconds: float, **attributes: str) -> None:
        """Count one duration."""
        if self.histogram:
            self.histogram.record(seconds, attributes)

    @classmethod
    def report_to(cls, provider: MeterProvider) -> None:
        """Have all of them collected by the provider from now on; Logfire has taken OpenTelemetry's global one."""
        meter = provider.get_meter("cos")
        for each in cls._known:
            each.histogram = meter.create_histogram(
                each.name, unit="s", description=each.description, explicit_bucket_boundaries_advisory=BOUNDS_S
            )


def bootstrap_metrics(settings: Settings, *, service_name: str) -> MeterProvider | None:
    """Return what collects and sends histograms, to be shut down in the end; None where no collector is named."""
    endpoint = settings.otlp_metrics_endpoint
    if not endpoint or settings.tracing == "off":
        return None
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # the traces say that a collector is away
    given = settings.otel_exporter_otlp_headers
    headers = parse_env_headers(given.get_secret_value(), liberal=True) if given else {}
    exporter = OTLPMetricExporter(endpoint, headers=headers, timeout=EXPORT_TIMEOUT_S, compression=Compression.Gzip)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=INTERVAL_MS)
    provider = MeterProvider([reader], Resource.create({"service.name": settings.service_name or service_name}))
    Durations.report_to(provider)
    return provider
