from datetime import UTC, datetime
from uuid import UUID

import pytest

from src.common.json_limits import check_text, encode_document


def test_a_text_passes_unchanged() -> None:
    assert check_text("ü 💩") == "ü 💩"


@pytest.mark.parametrize(("text", "rule"), [("a\0", "NUL"), ("\udfff", "surrogate"), ("üü", "larger than 3 bytes")])
def test_a_text_that_breaks_a_rule_is_refused(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        check_text(text, limit_bytes=3)


def test_a_document_may_hold_what_json_knows_how_to_write() -> None:
    document = {"at": datetime(2026, 1, 2, tzinfo=UTC), "id": UUID(int=1), "pair": (1, "ü")}

    assert encode_document(document) == (
        '{"at":"2026-01-02T00:00:00+00:00","id":"00000000-0000-0000-0000-000000000001","pair":[1,"ü"]}'.encode()
    )


@pytest.mark.parametrize("document", [{"a": object()}, {"a": b"bytes"}, {1: "a"}], ids=["object", "bytes", "key"])
def test_a_document_that_is_no_json_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        encode_document(document)


def test_what_a_tuple_holds_is_looked_at_too() -> None:
    with pytest.raises(ValueError, match="NUL"):
        encode_document({"pair": (1, "a\0")})
