"""Request and response bodies of the slice."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from src.common.schemas import JsonDocument, PageAfter, PageLimit, RecordModel, RequestModel, StorableText

Action = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=100),
    Field(description="What was done.", examples=["invoice.approved"]),
]
Actor = Annotated[
    StorableText, Field(min_length=1, max_length=255, description="Who did it.", examples=["ada@example.com"])
]
Target = Annotated[
    StorableText, Field(min_length=1, max_length=255, description="What it was done to.", examples=["invoice/2026-17"])
]


class EntryCreate(RequestModel):
    actor: Actor
    action: Action
    target: Target
    details: JsonDocument = Field(default_factory=dict)


class EntryQuery(BaseModel):
    """Which entries to list; an index stands behind each filter."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    limit: PageLimit = 20
    after: PageAfter = None
    actor: Actor | None = None
    target: Target | None = None


class EntryRead(RecordModel):
    actor: str
    action: str
    target: str
    details: dict[str, Any]
    recorded_by: str | None
