"""What all slices say in the same way on the wire: request models, pages, text and documents that can be stored."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

DOCUMENT_DEPTH_LIMIT = 32
DOCUMENT_LIMIT_BYTES = 65_536  # so that a whole page of documents can be read at once
INT8_MAX = 2**63 - 1


class RequestModel(BaseModel):
    """A body that a client sends: no unknown fields, no coercion."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)


class RecordModel(BaseModel):
    """A stored row as a client sees it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    updated_at: datetime


class Page[Item](BaseModel):
    """Part of a list, oldest first; `next_after` is the `after` of the next page, null on the last one.

    A row whose transaction took long can appear behind a page that was read before it was committed.
    """

    items: list[Item]
    next_after: UUID | None


PageLimit = Annotated[int, Query(ge=1, le=100, description="Items on a page.")]
PageAfter = Annotated[UUID | None, Query(description="`next_after` of the page before.")]


def page_of[Record: RecordModel](records: list[Record], *, limit: int) -> Page[Record]:
    """Return the first `limit` records as a page; one record more than that says that another page follows."""
    items = records[:limit]
    return Page(items=items, next_after=items[-1].id if len(records) > limit else None)


def _storable_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character, which PostgreSQL cannot store")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds half of a surrogate pair, which is not a character")
    return text


StorableText = Annotated[str, AfterValidator(_storable_text)]


def _storable_document(document: dict[str, Any]) -> dict[str, Any]:
    for depth, value in _walk(document):
        _check_value(value, depth=depth)
    if len(orjson.dumps(document)) > DOCUMENT_LIMIT_BYTES:
        raise ValueError(f"is larger than {DOCUMENT_LIMIT_BYTES} bytes")
    return document


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
        elif isinstance(value, list):
            pending.extend((depth + 1, inner) for inner in value)


def _check_value(value: object, *, depth: int) -> None:
    if isinstance(value, (dict, list)) and depth > DOCUMENT_DEPTH_LIMIT:
        raise ValueError(f"is nested deeper than {DOCUMENT_DEPTH_LIMIT} levels")
    if isinstance(value, str):
        _storable_text(value)
    if isinstance(value, int) and abs(value) > INT8_MAX:
        raise ValueError("holds an integer of more than 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")


JsonDocument = Annotated[
    dict[str, Any],
    AfterValidator(_storable_document),
    Field(description=f"A JSON object of at most {DOCUMENT_DEPTH_LIMIT} levels and {DOCUMENT_LIMIT_BYTES} bytes."),
]
