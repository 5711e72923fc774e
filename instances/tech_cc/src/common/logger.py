"""Where log lines go: stderr, one format, levels from the settings; events as JSON on stdout, and into the trace."""

import json
import logging
import sys
from datetime import UTC, datetime

from src.common.config import Settings
from src.common.redaction import Plain, plain
from src.common.request_id_middleware import current_request_id
from src.common.tracing import current_trace_id, span


def configure_logging(settings: Settings) -> None:
    """Give the root logger a handler, unless it has one, and SQLAlchemy's engine the level that was asked for."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("sqlalchemy.engine").setLevel(settings.sqlalchemy_log_level)


def log_event(*, source: str, data: object = None, memo: str = "") -> None:
    """Write what happened as one line of JSON on stdout, and as a log of the current trace.

    Never raises: odd data are shown as well as JSON can, cut off where they are endless, secrets blotted out.

    Args:
        source: Who says so: a module's or a service's name.
        data: Whatever belongs to it.
        memo: What happened, for people; words that do not vary are found again.
    """
    shown = {"source": plain(source), "memo": plain(memo), "data": plain(data)}
    written = json.dumps(shown["data"])
    with span(str(shown["memo"] or shown["source"]), **{"logfire.span_type": "log", "source": source, "data": written}):
        _write_line({**_where_and_when(), **shown})


def _where_and_when() -> dict[str, Plain]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": current_request_id(),
        "trace_id": current_trace_id(),
    }


def _write_line(line: dict[str, Plain]) -> None:
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):  # nobody reads any more, or stdout is closed: no reason to fail a request
        logging.getLogger(__name__).debug("An event found no stdout.")
