import io
import json
import logging
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from src.common.config import Settings
from src.common.logger import configure_logging, log_event
from src.common.tracing import current_trace_id, span
from unit.common.conftest import MakeTracer


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_the_settings_decide_whether_sql_is_logged(level: str) -> None:
    configure_logging(Settings.model_validate({"sqlalchemy_log_level": level}))

    assert logging.getLogger("sqlalchemy.engine").getEffectiveLevel() == getattr(logging, level)


def written(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the one line that was written, read again."""
    (line,) = capsys.readouterr().out.splitlines()
    event: dict[str, Any] = json.loads(line)
    return event


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    log_event(source="cc", data={"count": 2, "text": "two\nlines"}, memo="Notes purged.")

    event = written(capsys)
    assert event.pop("time").endswith("+00:00")
    event.pop("trace_id")
    assert event == {
        "source": "cc",
        "memo": "Notes purged.",
        "data": {"count": 2, "text": "two\nlines"},
        "request_id": None,
    }


def test_an_event_is_in_the_trace(
    use_light: MakeTracer, kept: list[ReadableSpan], capsys: pytest.CaptureFixture[str]
) -> None:
    use_light()
    with span("root"):
        trace_id = current_trace_id()
        log_event(source="cc", data={"count": 2}, memo="Notes purged.")

    assert written(capsys)["trace_id"] == trace_id
    event, root = kept
    attributes = dict(event.attributes or {})
    assert event.parent == root.context
    assert (event.name, attributes["logfire.span_type"], attributes["source"]) == ("Notes purged.", "log", "cc")
    assert attributes["data"] == '{"count": 2}'
    assert attributes["logfire.json_schema"] == '{"type":"object","properties":{"data":{"type":"object"}}}'


def test_no_secret_is_written(
    use_light: MakeTracer, kept: list[ReadableSpan], capsys: pytest.CaptureFixture[str]
) -> None:
    use_light()
    log_event(source="cc", data={"user": {"password": "s3cret", "api_key": "s3cret"}})

    assert "s3cret" not in capsys.readouterr().out + kept[0].to_json()


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("data", [object(), {1: {2: {3}}}, "\ud800", b"\xff", float("nan"), [Unprintable()], 1 << 99])
def test_odd_data_are_no_reason_to_fail(capsys: pytest.CaptureFixture[str], data: object) -> None:
    log_event(source="cc", data=data)

    assert "data" in written(capsys)


def test_a_stdout_that_is_closed_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)

    log_event(source="cc")
