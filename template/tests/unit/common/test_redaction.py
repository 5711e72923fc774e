import json
import math
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import pytest

from src.common.redaction import DEPTH_LIMIT, ITEM_LIMIT, REDACTED, TEXT_LIMIT, attribute, is_secret, plain


class Level(IntEnum):
    HIGH = 3


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "name",
    ["password", "PASSWD", "api_key", "x-api-key", "LOGFIRE_TOKEN", "access_token", "Authorization", "cookie", "dsn"],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["tokens_in", "author", "name", "session", "key", "monkey", "path"])
def test_other_names_are_no_secrets(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ü", "ü"),
        (True, True),
        (Level.HIGH, 3),
        (1 << 63, "an integer of more than 64 bits"),
        (-(1 << 63), -(1 << 63)),
        (1.5, 1.5),
        (math.inf, "inf"),
        (None, "None"),
        ("a\ud800", "a?"),
        ("x" * 10_000, "x" * TEXT_LIMIT),
        ([1, "a", None], [1, "a", "None"]),
        (range(1000), list(range(ITEM_LIMIT))),
        ({"b": 1}, "{'b': 1}"),
        (Unprintable(), "<Unprintable>"),
    ],
)
def test_an_attribute_is_what_a_span_can_hold(value: Any, shown: Any) -> None:
    assert attribute("name", value) == shown


def endless() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    return circle


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        ({"a": [1, {"password": "s3cret"}]}, {"a": [1, {"password": REDACTED}]}),
        ({1: Level.HIGH, None: math.nan}, {"1": 3, "None": "nan"}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
        ([Unprintable(), b"\xff"], ["<Unprintable>", "b'\\xff'"]),
        ({"list": {1}}, {"list": [1]}),
    ],
)
def test_odd_data_are_shown_as_json_can(value: Any, shown: Any) -> None:
    assert plain(value) == shown
    json.dumps(plain(value), allow_nan=False)


def test_endless_data_end() -> None:
    assert json.dumps(plain(endless())).count("again") == DEPTH_LIMIT


def test_a_long_list_is_cut_off() -> None:
    assert plain(list(range(10_000))) == list(range(ITEM_LIMIT))
