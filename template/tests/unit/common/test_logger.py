import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from src.common.config import LogLevel, Settings
from src.common.logger import configure_logging, log_event
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.tracing import current_trace_id, span
from unit.common.conftest import MakeProvider, Spans

ROOT = logging.getLogger()
UVICORN = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.access", "uvicorn.error")]


class Stdout:
    """What was written to stdout."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.text = ""

    def getvalue(self) -> str:
        self.text += self.capsys.readouterr().out
        return self.text


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Stdout]:
    """What is written to stdout; afterwards logging goes where it went before."""
    level = ROOT.level
    before: list[logging.Handler] = [handler for handler in ROOT.handlers if type(handler) is logging.StreamHandler]
    for logger in UVICORN:
        monkeypatch.setattr(logger, "handlers", [logging.NullHandler()])
        monkeypatch.setattr(logger, "propagate", False)
    yield Stdout(capsys)
    ROOT.handlers[:] = [each for each in ROOT.handlers if type(each) is not logging.StreamHandler] + before
    ROOT.setLevel(level)


def configure(**settings: Any) -> None:
    """Configure logging as in a new process."""
    ROOT.handlers.clear()
    configure_logging(Settings.model_validate(settings))


def lines_of(stdout: Stdout) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.getvalue().splitlines()]


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_the_settings_decide_whether_sql_is_logged(level: str) -> None:
    configure(sqlalchemy_log_level=level)

    assert logging.getLogger("sqlalchemy.engine").getEffectiveLevel() == getattr(logging, level)


@pytest.mark.parametrize("name", ["anything", "uvicorn.access", "uvicorn.error"])
async def test_every_line_is_json_with_the_ids_of_its_request(
    stdout: Stdout, trace_to: MakeProvider, name: str
) -> None:
    trace_to()
    configure()
    trace_ids = []

    async def app(*_: object) -> None:
        with span("work"):
            trace_ids.append(current_trace_id())
            logging.getLogger(name).warning("Half %s.\n", "done")

    await RequestIdMiddleware(app)({"type": "http", "headers": [(b"x-request-id", b"mine")]}, None, None)  # type: ignore[arg-type]

    (line,) = lines_of(stdout)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": name,
        "message": "Half done.\n",
        "request_id": "mine",
        "trace_id": trace_ids[0],
    }


def test_an_exception_is_part_of_its_line(stdout: Stdout) -> None:
    configure()
    try:
        raise RuntimeError("bug \ud800")  # noqa: TRY301
    except RuntimeError:
        logging.getLogger("anything").exception("It failed.")

    (line,) = lines_of(stdout)
    assert line["exception"].endswith("RuntimeError: bug \ud800")


def test_on_a_terminal_lines_are_text(stdout: Stdout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    configure()

    logging.getLogger("anything").error("It failed.")
    log_event(source="cc", data={"count": 2}, memo="Notes purged.")

    failed, purged = stdout.getvalue().splitlines()
    assert failed.endswith("ERROR    anything: It failed.\x1b[0m")
    assert '"count": 2' in purged


@pytest.mark.parametrize(("log_format", "is_json"), [("json", True), ("console", False)])
def test_the_format_can_be_chosen(stdout: Stdout, log_format: str, *, is_json: bool) -> None:
    configure(log_format=log_format)

    logging.getLogger("anything").info("Done.")

    assert stdout.getvalue().startswith("{") is is_json


def test_the_level_can_be_chosen(stdout: Stdout) -> None:
    configure(log_level="ERROR")

    log_event(source="cc", memo="Quiet.", level="WARNING")
    log_event(source="cc", memo="Loud.", level="ERROR")

    assert [(line["memo"], line["level"]) for line in lines_of(stdout)] == [("Loud.", "ERROR")]


def test_an_access_log_that_is_off_stays_off(stdout: Stdout, monkeypatch: pytest.MonkeyPatch) -> None:
    access = logging.getLogger("uvicorn.access")
    monkeypatch.setattr(access, "handlers", [])  # as `--no-access-log` does
    configure()

    access.warning("GET /")

    assert not access.hasHandlers()
    assert stdout.getvalue() == ""


def test_logging_that_is_configured_already_stays_as_it_is(stdout: Stdout) -> None:
    before = [*ROOT.handlers]

    configure_logging(Settings())

    assert before
    assert ROOT.handlers == before
    assert stdout.getvalue() == ""


def test_an_event_is_one_line_of_json(stdout: Stdout) -> None:
    configure()
    log_event(source="cc", data={"count": 2, "text": "two\nlines"}, memo="Notes purged.", level="WARNING")

    (line,) = lines_of(stdout)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "src.common.logger",
        "message": "Notes purged.",
        "request_id": None,
        "trace_id": None,
        "source": "cc",
        "memo": "Notes purged.",
        "data": {"count": 2, "text": "two\nlines"},
    }


@pytest.mark.parametrize(("level", "number"), [("INFO", 9), ("ERROR", 17)])
def test_an_event_is_in_the_trace(
    stdout: Stdout, trace_to: MakeProvider, spans: Spans, level: LogLevel, number: int
) -> None:
    trace_to()
    configure()
    with span("root"):
        trace_id = current_trace_id()
        log_event(source="cc", data={"count": 2}, memo="Notes purged.", level=level)

    assert lines_of(stdout)[0]["trace_id"] == trace_id
    event = spans.one("Notes purged.")
    attributes = dict(event.attributes or {})
    assert event.parent == spans.one("root").context
    assert (attributes["logfire.span_type"], attributes["logfire.level_num"]) == ("log", number)
    assert (attributes["source"], attributes["data"]) == ("cc", '{"count": 2}')


@pytest.mark.parametrize(
    "data", [{"user": {"password": "s3cret", "api_key": "s3cret"}}, ["password=s3cret"], '{"jwt": "s3cret"}']
)
def test_no_secret_is_written(stdout: Stdout, trace_to: MakeProvider, spans: Spans, data: object) -> None:
    trace_to()
    configure()
    log_event(source="cc", data=data)

    assert "s3cret" not in stdout.getvalue() + spans.all()[0].to_json()
    assert "Scrubbed" in stdout.getvalue()


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


CIRCLE: dict[str, Any] = {}
CIRCLE["again"] = CIRCLE


@pytest.mark.parametrize(
    "data", [object(), {1: {2: {3}}, (4, 5): 6}, "\ud800", b"\xff", float("nan"), [Unprintable()], 1 << 99, CIRCLE]
)
def test_odd_data_are_no_reason_to_fail(stdout: Stdout, data: object) -> None:
    configure()
    log_event(source="cc", data=data)

    assert "data" in lines_of(stdout)[0]


@pytest.mark.usefixtures("stdout")
def test_a_stdout_that_is_closed_is_no_reason_to_fail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    configure()
    stdout.close()

    log_event(source="cc")

    assert "I/O operation on closed file" in capsys.readouterr().err
