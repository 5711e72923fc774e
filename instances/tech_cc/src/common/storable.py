"""What PostgreSQL can store as text and as JSONB, found out before it is asked."""

import math
from collections.abc import Iterator
from typing import Any

import orjson

DOCUMENT_DEPTH_LIMIT = 32
DOCUMENT_LIMIT_BYTES = 65_536  # so that a whole page of documents can be read at once
INT8_MAX = 2**63 - 1


def storable_text(text: str, *, limit_bytes: int | None = None) -> str:
    """Return the text.

    Raises:
        ValueError: It holds what PostgreSQL cannot store; the message goes on after the name of the thing.
    """
    if "\0" in text:
        raise ValueError("holds a NUL character, which PostgreSQL cannot store")
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair, which is not a character") from None
    if limit_bytes is not None and size_bytes > limit_bytes:
        raise ValueError(f"is larger than {limit_bytes} bytes")
    return text


def storable_json(document: dict[str, Any]) -> bytes:
    """Return the document as JSON.

    Raises:
        ValueError: PostgreSQL cannot store it, or it is too deep, too large, or no JSON; the message says which.
    """
    for depth, value in _walk(document):
        _check_value(value, depth=depth)
    try:
        json = orjson.dumps(document)
    except orjson.JSONEncodeError as fault:
        raise ValueError(f"cannot be written as JSON: {fault}") from None
    if len(json) > DOCUMENT_LIMIT_BYTES:
        raise ValueError(f"is larger than {DOCUMENT_LIMIT_BYTES} bytes")
    return json


def _walk(document: dict[str, Any]) -> Iterator[tuple[int, object]]:
    """Yield every key and value with its depth, without recursion: the document may be as deep as it likes."""
    pending: list[tuple[int, object]] = [(1, document)]
    while pending:
        depth, value = pending.pop()
        yield depth, value
        if depth > DOCUMENT_DEPTH_LIMIT:
            continue
        if isinstance(value, dict):
            pending.extend((depth, key) for key in value)
            pending.extend((depth + 1, inner) for inner in value.values())
        elif isinstance(value, (list, tuple)):
            pending.extend((depth + 1, inner) for inner in value)


def _check_value(value: object, *, depth: int) -> None:
    if isinstance(value, (dict, list, tuple)) and depth > DOCUMENT_DEPTH_LIMIT:
        raise ValueError(f"is nested deeper than {DOCUMENT_DEPTH_LIMIT} levels")
    if isinstance(value, str):
        storable_text(value)
    if isinstance(value, int) and abs(value) > INT8_MAX:
        raise ValueError("holds an integer of more than 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
