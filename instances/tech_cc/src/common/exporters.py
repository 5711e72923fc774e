"""What carries spans out of the process, as the settings name it."""

import logging
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from logfire import AdvancedOptions
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.util.re import parse_env_headers

from src.common.config import Settings
from src.common.process_environment import process_environment

log = logging.getLogger(__name__)

WRITE_TOKEN: Final = re.compile(r"(pylf_v\d+_[a-z]+_)?[A-Za-z0-9]{20,}")
EXPORT_TIMEOUT_S: Final = 5.0  # tries and pauses included
PATH: Final = "/v1/traces"


def exporters_of(settings: Settings) -> dict[str, SpanExporter]:
    """Return an exporter for each destination, by the name to call it by; none, with one warning, where none is set."""
    # They would log a line for each batch and try; `SpanQueue` says once what it means.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    if settings.tracing == "off":
        return {}
    exporters = dict([*_to_logfire(settings), *_to_collector(settings)])
    if not exporters and not _is_named(settings):
        log.warning("Traces stay in this process: neither LOGFIRE_TOKEN nor OTEL_EXPORTER_OTLP_ENDPOINT is set.")
    return exporters


def _is_named(settings: Settings) -> bool:
    return bool(settings.logfire_token or settings.otlp_traces_endpoint)


def _to_logfire(settings: Settings) -> list[tuple[str, SpanExporter]]:
    token = settings.logfire_token.get_secret_value() if settings.logfire_token else ""
    if not token:
        return []
    if not WRITE_TOKEN.fullmatch(token):
        log.warning("LOGFIRE_TOKEN does not look like a write token of Logfire: nothing is sent there.")
        return []
    base_url = AdvancedOptions(base_url=settings.logfire_base_url).generate_base_url(token)
    return [("Logfire", _exporter(base_url.rstrip("/") + PATH, {"Authorization": token}))]


def _to_collector(settings: Settings) -> list[tuple[str, SpanExporter]]:
    endpoint = settings.otlp_traces_endpoint
    if not endpoint:
        return []
    place = urlsplit(endpoint)
    if place.scheme not in ("http", "https") or not place.hostname:
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is not an address of http or https: nothing is sent there.")
        return []
    given = settings.otel_exporter_otlp_headers
    headers = parse_env_headers(given.get_secret_value(), liberal=True) if given else {}
    return [(place.hostname, _exporter(endpoint, headers))]


def _exporter(endpoint: str, headers: Mapping[str, str]) -> SpanExporter:
    # A collector's headers, its key among them, are nothing for Logfire.
    with process_environment(OTEL_EXPORTER_OTLP_HEADERS=None, OTEL_EXPORTER_OTLP_TRACES_HEADERS=None):
        return OTLPSpanExporter(endpoint, headers=headers, timeout=EXPORT_TIMEOUT_S, compression=Compression.Gzip)
