"""Metrics of the running process, exported once a minute to where its traces go, and to Prometheus when it asks."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation
from opentelemetry.sdk.resources import Resource

from src.common.config import Settings, export_otel_variables
from src.common.telemetry.otlp import exporters

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import CollectorRegistry

BOUNDS_S: Final = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]


class Durations:
    """A histogram of seconds; it does nothing until a provider collects it."""

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
    def report_to(cls, provider: "MeterProvider") -> None:
        """Let the provider collect all of them; OpenTelemetry's global provider is Logfire's."""
        meter = provider.get_meter("cos")
        for each in cls._known:
            each.histogram = meter.create_histogram(
                each.name, unit="s", description=each.description, explicit_bucket_boundaries_advisory=BOUNDS_S
            )


class Counts:
    """A counter; it does nothing until a provider collects it."""

    _known: ClassVar[list["Counts"]] = []

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self.counter: Counter | None = None
        self._known.append(self)

    def add(self, number: int = 1, **attributes: str) -> None:
        """Add to the counter."""
        if self.counter:
            self.counter.add(number, attributes)

    @classmethod
    def report_to(cls, provider: "MeterProvider") -> None:
        """Let the provider collect all of them."""
        meter = provider.get_meter("cos")
        for each in cls._known:
            each.counter = meter.create_counter(each.name, description=each.description)


class Gauge:
    """A value that is read when metrics are exported, from everything that adds itself to `sources`."""

    _known: ClassVar[list["Gauge"]] = []

    def __init__(self, name: str, description: str, *, unit: str = "") -> None:
        self.name = name
        self.description = description
        self.unit = unit
        self.sources: set[Callable[[], tuple[float, dict[str, str]]]] = set()
        self._known.append(self)

    @classmethod
    def report_to(cls, provider: "MeterProvider") -> None:
        """Let the provider read all of them."""
        meter = provider.get_meter("cos")
        for each in cls._known:
            meter.create_observable_gauge(each.name, [each.observe], unit=each.unit, description=each.description)

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Return the value of each source, with its attributes."""
        return [Observation(*source()) for source in list(self.sources)]


def bootstrap_metrics(
    settings: Settings, *, service_name: str, registry: "CollectorRegistry | None" = None
) -> "MeterProvider | None":
    """Return the provider that exports metrics, to be shut down at the end; None if nothing collects them.

    Args:
        settings: Which backends there are.
        service_name: The name, if no setting names the service.
        registry: What collects them for Prometheus.
    """
    export_otel_variables()
    found = {} if settings.tracing == "off" else exporters(settings, _metric_exporter, signal="metrics")
    if not found and registry is None:
        return None
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415  # for a service with a backend only
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader  # noqa: PLC0415

    readers: list[MetricReader] = [PeriodicExportingMetricReader(exporter) for exporter in found.values()]
    if registry is not None:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415

        readers.append(PrometheusMetricReader(scope_info_enabled=False, registry=registry))
    resource = Resource.create({"service.name": settings.service_name or service_name})
    provider = MeterProvider(readers, resource, shutdown_on_exit=False)
    for kind in (Durations, Counts, Gauge):
        kind.report_to(provider)
    return provider


def _metric_exporter(endpoint: str, **for_logfire: Any) -> "OTLPMetricExporter":
    """Return an exporter; Logfire, whose arguments are given, asks for differences rather than sums."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics import Histogram as HistogramType  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import AggregationTemporality  # noqa: PLC0415

    if for_logfire:
        for_logfire["preferred_temporality"] = {HistogramType: AggregationTemporality.DELTA}
    return OTLPMetricExporter(endpoint, **for_logfire)
