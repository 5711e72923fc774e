"""What crosses the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from src.common.schemas import JsonDocument, RecordModel, RequestModel, StorableText

DAY_S = 86_400

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+-]*$", max_length=64)]
Note = Annotated[StorableText, Field(max_length=1000)]
Health = Literal["healthy", "degraded", "unhealthy"]
LifetimeS = Annotated[int, Field(ge=1, le=30 * DAY_S, description="Seconds from now until the note expires.")]


class ModuleCreate(RequestModel):
    name: Name
    version: Version
    description: Note | None = None
    is_active: bool = True


class ModulePatch(RequestModel):
    """Fields that are left out stay as they are."""

    version: Version | SkipJsonSchema[None] = None
    description: Note | None = None
    is_active: bool | SkipJsonSchema[None] = None

    @model_validator(mode="after")
    def _refuse_null(self) -> Self:
        for field in ("version", "is_active"):
            if field in self.model_fields_set and getattr(self, field) is None:
                raise ValueError(f"{field} cannot be null; leave it out to keep it")
        return self


class ModuleRead(RecordModel):
    name: str
    version: str
    description: str | None
    is_active: bool


class HealthReport(RequestModel):
    status: Health
    detail: Note | None = None


class HealthStatusRead(RecordModel):
    component: str
    status: Health
    detail: str | None
    reported_at: datetime


class SystemHealth(BaseModel):
    """The worst status that any component reported, and the reports, worst first."""

    status: Health
    components: list[HealthStatusRead]


class ScratchNoteCreate(RequestModel):
    content: JsonDocument
    lifetime_s: LifetimeS = DAY_S


class ScratchNotePatch(RequestModel):
    """Fields that are left out stay as they are; a lifetime counts from now."""

    content: JsonDocument | None = None
    lifetime_s: LifetimeS | None = None


class ScratchNoteRead(RecordModel):
    content: dict[str, Any]
    expires_at: datetime


class TestLog(RequestModel):
    """What the test record should say."""

    __test__ = False  # pytest would take it for tests

    message: Note = "Hello, L1."


class TestLogRead(BaseModel):
    """Under which ids the test record is found: in L1, in the log lines, in the traces."""

    __test__ = False

    record_id: UUID
    request_id: str | None
    trace_id: str | None
