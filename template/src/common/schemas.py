"""Request and response models that all slices share: pages, text, and JSON documents."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from src.common.json_limits import DOCUMENT_DEPTH_LIMIT, DOCUMENT_LIMIT_BYTES, check_text, encode_document

UNKNOWN_FIELDS_LIMIT = 20


class RequestModel(BaseModel):
    """A body that a client sends: no unknown fields, no coercion."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_many_unknown_fields(cls, given: Any) -> Any:
        """Report many unknown fields as one error; an error for each would hold the event loop."""
        if isinstance(given, dict) and len(given) > len(cls.model_fields) + UNKNOWN_FIELDS_LIMIT:
            raise ValueError(f"there are more than {UNKNOWN_FIELDS_LIMIT} unknown fields")
        return given


class RecordModel(BaseModel):
    """A stored row as a client sees it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    updated_at: datetime


class Page[Item](BaseModel):
    """Part of a list; `next_after` is the `after` of the next page, null on the last one.

    A row of a long transaction can appear later on a page that was read before its commit.
    """

    items: list[Item]
    next_after: str | None


class Purge(BaseModel):
    """How many rows were deleted; `is_complete` is false if more remain than one call deletes."""

    purged: int
    is_complete: bool


PageLimit = Annotated[int, Query(ge=1, le=100, description="Items on a page.")]
PageAfter = Annotated[UUID | None, Query(description="`next_after` of the page before.")]


def page_of[Record: RecordModel](records: list[Record], *, limit: int, cursor: str = "id") -> Page[Record]:
    """Return the first `limit` records as a page; one record more means that another page follows.

    Args:
        records: In the order of the list.
        limit: Items on the page.
        cursor: The field that the list is sorted by.
    """
    items = records[:limit]
    return Page(items=items, next_after=str(getattr(items[-1], cursor)) if len(records) > limit else None)


StorableText = Annotated[str, AfterValidator(check_text)]


def _storable_document(document: dict[str, Any]) -> dict[str, Any]:
    encode_document(document)
    return document


JsonDocument = Annotated[
    dict[str, Any],
    AfterValidator(_storable_document),
    Field(description=f"A JSON object of at most {DOCUMENT_DEPTH_LIMIT} levels and {DOCUMENT_LIMIT_BYTES} bytes."),
]
