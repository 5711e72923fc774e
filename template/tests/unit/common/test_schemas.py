from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from uuid_utils.compat import uuid7

from src.common.json_limits import DOCUMENT_DEPTH_LIMIT, DOCUMENT_LIMIT_BYTES
from src.common.schemas import JsonDocument, RecordModel, StorableText, page_of

DOCUMENT: TypeAdapter[dict[str, Any]] = TypeAdapter(JsonDocument)
INT8 = st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | INT8 | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def nested(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels - 1):
        document = {"inner": document}
    return document


# Exporters of earlier tests may still retry in their threads, at random intervals; Hypothesis blames the strategy.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@settings(max_examples=30, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_what_postgresql_can_store_passes_unchanged(document: dict[str, Any]) -> None:
    assert DOCUMENT.validate_python(document) == document


def test_a_document_may_be_as_deep_as_the_limit() -> None:
    assert DOCUMENT.validate_python(nested(DOCUMENT_DEPTH_LIMIT))


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        (nested(DOCUMENT_DEPTH_LIMIT + 1), "nested deeper"),
        (nested(100_000), "nested deeper"),
        ({"deep": [[[{"a": nested(DOCUMENT_DEPTH_LIMIT)}]]]}, "nested deeper"),
        ({"large": "x" * DOCUMENT_LIMIT_BYTES}, "is larger than"),
        ({"nul": "a\0b"}, "NUL"),
        ({"nul \0 in a key": 1}, "NUL"),
        ({"half": ["\ud800"]}, "surrogate"),
        ({"half \udfff in a key": 1}, "surrogate"),
        ({"large": 2**63}, "64 bits"),
        ({"large": -(2**64)}, "64 bits"),
        ({"large": float("inf")}, "finite"),
        ({"none": float("nan")}, "finite"),
    ],
)
def test_what_postgresql_cannot_store_is_refused(document: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        DOCUMENT.validate_python(document)


@pytest.mark.parametrize(("text", "rule"), [("a\0b", "NUL"), ("a\ud800b", "surrogate")])
def test_text_that_postgresql_cannot_store_is_refused(text: str, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        TypeAdapter(StorableText).validate_python(text)


def records(count: int) -> list[RecordModel]:
    now = datetime.now(UTC)
    return [RecordModel(id=uuid7(), created_at=now, updated_at=now) for _ in range(count)]


def test_a_page_names_the_next_one_while_there_is_more() -> None:
    three = records(3)

    page = page_of(three, limit=2)

    assert (page.items, page.next_after) == (three[:2], str(three[1].id))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_last_page_names_no_other(count: int) -> None:
    assert page_of(records(count), limit=2).next_after is None
