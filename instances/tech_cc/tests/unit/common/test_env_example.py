"""`.env.example` and the settings agree."""

import re
from pathlib import Path

import pytest
from opentelemetry.sdk import environment_variables

from databases import PROJECT
from src.common.config import Settings

EXAMPLE = PROJECT / ".env.example"
LINES = re.findall(r"^(# )?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
SHOWN = {name: value for _, name, value in LINES}
EFFECTIVE = {name: value for comment, name, value in LINES if not comment}
FIELDS = {name.upper(): field for name, field in Settings.model_fields.items()}


def test_every_setting_is_in_the_example() -> None:
    assert FIELDS.keys() - SHOWN.keys() == set()


def test_every_variable_of_the_example_is_read() -> None:
    assert SHOWN.keys() - FIELDS.keys() - vars(environment_variables).keys() == set()


@pytest.mark.parametrize("name", EFFECTIVE)
def test_the_example_shows_the_default(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, EFFECTIVE[name])
    default = FIELDS[name].get_default()

    assert getattr(Settings(), name.lower()) == default
