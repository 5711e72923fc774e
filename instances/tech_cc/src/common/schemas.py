"""What all slices say in the same way on the wire: request models, pages, text and documents that can be stored."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from src.common.json_limits import DOCUMENT_DEPTH_LIMIT, DOCUMENT_LIMIT_BYTES, check_text, encode_document


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


class Purge(BaseModel):
    """How many rows went; `is_complete` is false where one call did not suffice."""

    purged: int
    is_complete: bool


PageLimit = Annotated[int, Query(ge=1, le=100, description="Items on a page.")]
PageAfter = Annotated[UUID | None, Query(description="`next_after` of the page before.")]


def page_of[Record: RecordModel](records: list[Record], *, limit: int) -> Page[Record]:
    """Return the first `limit` records as a page; one record more than that says that another page follows."""
    items = records[:limit]
    return Page(items=items, next_after=items[-1].id if len(records) > limit else None)


StorableText = Annotated[str, AfterValidator(check_text)]


def _storable_document(document: dict[str, Any]) -> dict[str, Any]:
    encode_document(document)
    return document


JsonDocument = Annotated[
    dict[str, Any],
    AfterValidator(_storable_document),
    Field(description=f"A JSON object of at most {DOCUMENT_DEPTH_LIMIT} levels and {DOCUMENT_LIMIT_BYTES} bytes."),
]
