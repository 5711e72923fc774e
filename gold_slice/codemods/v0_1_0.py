"""For projects that were made from a commit before the first release: names that are others since."""

from gold_slice.codemods import Codemod, Removed, Renamed, RenamedSetting

CODEMODS: list[Codemod] = [
    Renamed("src.common.metrics", "src.common.telemetry.metrics"),
    Renamed("src.common.otlp", "src.common.telemetry.otlp"),
    Renamed("src.common.project", "src.project"),
    Renamed("src.common.tracing_middleware", "src.common.telemetry.tracing_middleware"),
    Renamed("src.db.sql_spans", "src.common.telemetry.sql_spans"),
    Renamed("src.common.quiet_startup", "src.common.startup_errors"),
    Renamed("src.common.quiet_startup.QuietStartup", "src.common.startup_errors.StartupErrorMiddleware"),
    Renamed("src.common.storable", "src.common.json_limits"),
    Renamed("src.common.storable.storable_text", "src.common.json_limits.check_text"),
    Renamed("src.common.storable.storable_json", "src.common.json_limits.encode_document"),
    Renamed("src.l1.submission", "src.l1.pending_write"),
    Renamed("src.l1.submission.Submission", "src.l1.pending_write.PendingWrite"),
    Renamed(
        "src.backend.{module}.services.health.get_system_health",
        "src.backend.{module}.services.health.summarize_health",
    ),
    Renamed(
        "src.backend.{module}.routers.health.get_system_health",
        "src.backend.{module}.routers.health.get_health_summary",
    ),
    RenamedSetting("TRACE_QUEUE_SPANS", "OTEL_BSP_MAX_QUEUE_SIZE"),
    Removed("src.l1.mutations", "give the router `route_class=RecordingRoute` of src.l1.request_recorder"),
    Removed("src.common.light_span", "spans are those of OpenTelemetry: take `span` of src.common.tracing"),
    Removed("src.common.light_trace", "traces are those of OpenTelemetry: take `span` of src.common.tracing"),
    Removed("src.common.span_queue", "the SDK of OpenTelemetry has its own queue"),
    Removed("src.common.tracing.begin_client_span", "take start_span, and give it `SpanKind.CLIENT` after the name"),
]
