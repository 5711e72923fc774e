"""Limits on text and on JSON documents: what PostgreSQL can store, checked before it is asked."""

import math
from typing import Any

import orjson

DOCUMENT_DEPTH_LIMIT = 32
DOCUMENT_LIMIT_BYTES = 65_536  # so that a whole page of documents can be read at once
INT8_MAX = 2**63 - 1

TOO_DEEP = f"is nested deeper than {DOCUMENT_DEPTH_LIMIT} levels"


def check_text(text: str, *, limit_bytes: int | None = None) -> str:
    """Return the text.

    Raises:
        ValueError: PostgreSQL cannot store it, or it is too large. The message continues after the name of the field.
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


def encode_document(document: dict[str, Any]) -> bytes:
    """Return the document as JSON. Its size is checked first, so that the walk through it is short.

    Raises:
        ValueError: PostgreSQL cannot store it, it is too deep or too large, or it is not JSON; the message says which.
    """
    try:
        json = orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        _check_values(document)  # has a better sentence for a surrogate, a large integer and depth
        raise ValueError(f"cannot be written as JSON: {error}") from None
    if len(json) > DOCUMENT_LIMIT_BYTES:
        raise ValueError(f"is larger than {DOCUMENT_LIMIT_BYTES} bytes")
    _check_values(document)
    return json


def _check_values(document: dict[str, Any]) -> None:
    """Check every key and value, level by level, without recursion."""
    level: list[Any] = [document]
    for _depth in range(DOCUMENT_DEPTH_LIMIT):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.keys()
                inner += value.values()
            elif isinstance(value, (list, tuple)):
                inner += value
            else:
                _check_value(value)
        if not inner:
            return
        level = inner
    if any(isinstance(value, (dict, list, tuple)) for value in level):
        raise ValueError(TOO_DEEP)
    for value in level:
        _check_value(value)


def _check_value(value: object) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, int):
        if abs(value) > INT8_MAX:
            raise ValueError("holds an integer of more than 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
