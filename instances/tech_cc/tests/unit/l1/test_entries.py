from collections.abc import Sequence
from typing import Any

import pytest

from src.l1.entries import (
    CONTENT_LIMIT_BYTES,
    ENTRY_LIMIT,
    Entry,
    Event,
    Log,
    Prompt,
    UnstorableRecordError,
    new_record,
)

LOG = Log(module="cc", schema="mem0_cc")


def deep(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"inner": document}
    return document


def test_entries_keep_their_order_across_kinds() -> None:
    record = new_record(LOG, [Event("a"), Prompt("user", "hi", 1, 2), Event("b", {"n": 1})])

    assert [(position, kind) for _, position, kind, _ in record.events] == [(0, "a"), (2, "b")]
    assert record.prompts == [(record.id, 1, "user", "hi", 1, 2)]
    assert record.base[1] == "cc"


def test_a_record_is_called_after_its_first_event() -> None:
    assert new_record(LOG, [Prompt("user", "hi"), Event("a.b"), Event("c")]).event_type == "a.b"
    assert new_record(LOG, [Prompt("user", "hi")]).event_type == "prompt"


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([], "A record has 1 to 100 entries, not 0."),
        ([Event("a")] * (ENTRY_LIMIT + 1), "A record has 1 to 100 entries, not 101."),
        ([Event("")], "The type of an event looks like module.created"),
        ([Event("Module.Created")], "The type of an event looks like"),
        ([Event("a.")], "The type of an event looks like"),
        ([Event("a\n")], "The type of an event looks like"),
        ([Event("a" * 101)], "The type of an event looks like"),
        ([Event("a", {"nul": "\0"})], "The payload of a holds a NUL character"),
        ([Event("a", {"half": "\ud800"})], "The payload of a holds half of a surrogate pair"),
        ([Event("a", deep(40))], "The payload of a is nested deeper than 32 levels"),
        ([Event("a", {"x": "x" * 65_536})], "The payload of a is larger than 65536 bytes"),
        ([Event("a", {"x": float("nan")})], "The payload of a holds a number that is not finite"),
        ([Event("a", {"x": object()})], "The payload of a cannot be written as JSON"),
        ([Prompt("", "hi")], "The role of a prompt is a word like assistant"),
        ([Prompt("User", "hi")], "The role of a prompt is a word like assistant"),
        ([Prompt("u" * 33, "hi")], "The role of a prompt is a word like assistant"),
        ([Prompt("user", "a\0")], "The content of a prompt holds a NUL character"),
        ([Prompt("user", "\udc00")], "The content of a prompt holds half of a surrogate pair"),
        ([Prompt("user", "x" * (CONTENT_LIMIT_BYTES + 1))], "The content of a prompt is larger than"),
        ([Prompt("user", "hi", tokens_in=-1)], "The tokens of a prompt are 0 to 2147483647"),
        ([Prompt("user", "hi", tokens_out=2**31)], "The tokens of a prompt are 0 to 2147483647"),
        ([Event("a"), Prompt("user", "a\0")], "The content of a prompt holds a NUL character"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused(entries: Sequence[Entry], sentence: str) -> None:
    with pytest.raises(UnstorableRecordError, match=sentence) as refusal:
        new_record(LOG, entries)

    assert refusal.value.status == 422
