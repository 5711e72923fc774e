"""Where log lines go: stdout, as JSON in a pipe and as text on a terminal, each with the ids of its request."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from src.common.config import LogLevel, Settings
from src.common.request_id_middleware import current_request_id
from src.common.telemetry.scrubber import scrub
from src.common.tracing import current_trace_id, span

log = logging.getLogger(__name__)

_UVICORN: Final = ("uvicorn", "uvicorn.access", "uvicorn.error")
_LOGFIRE_LEVELS: Final = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}
_DATA_IS_JSON: Final = '{"type":"object","properties":{"data":{"type":"object"}}}'
_to_json: Final = json.JSONEncoder(default=str).encode  # ASCII: no text that it cannot write


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": current_request_id(),
            "trace_id": current_trace_id(),
        }
        line |= getattr(record, "event", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _to_json(line)


class ConsoleFormatter(logging.Formatter):
    """A line to read, in the colour of its level."""

    colours: Final = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(name)s: %(message)s%(ids)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        request_id, event = current_request_id(), getattr(record, "event", {})
        record.ids = f" {_to_json(event)}" * bool(event) + f" [{request_id}]" * bool(request_id)
        return f"\x1b[{self.colours.get(record.levelname, '0')}m{super().format(record)}\x1b[0m"


def configure_logging(settings: Settings) -> None:
    """Send all log lines, uvicorn's included, to one handler on stdout, unless logging is configured already.

    A `--log-config` with a root handler stays as it is, and so does `--no-access-log`.
    """
    logging.getLogger("sqlalchemy.engine").setLevel(settings.sqlalchemy_log_level)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # at INFO it lists each plugin at the start
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stdout)
    is_console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stdout.isatty())
    handler.setFormatter(ConsoleFormatter() if is_console else JsonFormatter())
    root.addHandler(handler)
    root.setLevel(settings.log_level)
    for logger in map(logging.getLogger, _UVICORN):
        if logger.handlers:
            logger.handlers.clear()
            logger.propagate = True


def log_event(*, source: str, data: object = None, memo: str = "", level: LogLevel = "INFO") -> None:
    """Log what happened as one line, and as a log of the current trace.

    Never raises: data that JSON cannot hold are written as text. Logfire's scrubber replaces secrets in the data.

    Args:
        source: The module or service that reports.
        data: What belongs to the event.
        memo: What happened, in words that do not vary; they are not scrubbed.
        level: How serious it is.
    """
    shown, _ = scrub({"data": _plain(data)})
    written = _to_json(shown["data"])
    attributes: dict[str, Any] = {"source": source, "data": written, "logfire.json_schema": _DATA_IS_JSON}
    attributes |= {"logfire.span_type": "log", "logfire.level_num": _LOGFIRE_LEVELS[level]}
    with span(memo or source, **attributes):
        log.log(getattr(logging, level), "%s", memo, extra={"event": {"source": source, "memo": memo, **shown}})


def _plain(data: object) -> Any:
    """Return the data as JSON has it; odd keys and values as text, and recursive data as its type."""
    try:
        return orjson.loads(orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS))
    except orjson.JSONEncodeError:
        return f"{type(data).__name__} that JSON cannot hold"
