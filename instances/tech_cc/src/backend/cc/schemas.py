"""Request and response bodies of the slice."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import MISSING, BaseModel, ConfigDict, Field, StringConstraints

from src.common.schemas import JsonDocument, RecordModel, RequestModel, StorableText
from src.graph.queries import STORY_LIMIT

DAY_S = 86_400

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63), Field(examples=["billing"])]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+-]*$", max_length=64), Field(examples=["1.2.0"])]
Note = Annotated[StorableText, Field(max_length=1000, examples=["Invoices and reminders."])]
Health = Literal["healthy", "degraded", "unhealthy"]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=100)]
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Subject = Annotated[StorableText, Field(min_length=1, max_length=255)]
Hours = Annotated[int, Field(ge=1, le=2160, description="Hours to look back from now.")]
RecordLimit = Annotated[int, Field(ge=1, le=50, description="Records on a page.")]
Limit = Annotated[int, Field(ge=1, le=100, description="Items on a page.")]
StoryLimit = Annotated[int, Field(ge=1, le=STORY_LIMIT, description="Entries of a request.")]
PageStart = Annotated[str, Field(max_length=200, description="`next_after` of the page before.")]
ModuleSort = Literal["created_at", "-created_at", "name", "-name"]
LifetimeS = Annotated[int, Field(ge=1, le=30 * DAY_S, description="Seconds from now until the note expires.")]


class ModuleCreate(RequestModel):
    name: Name
    version: Version
    description: Note | None = None
    is_active: bool = True


class ModulePatch(RequestModel):
    """Fields that are left out stay as they are; null clears the description, and is refused elsewhere."""

    version: Version | MISSING = MISSING
    description: Note | MISSING | None = MISSING
    is_active: bool | MISSING = MISSING


class ModuleQuery(BaseModel):
    """Which modules to list, and in which order; `-` reverses it. An index stands behind each order and filter."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    limit: Limit = 20
    after: PageStart | None = None
    sort: ModuleSort = "created_at"
    name: Name | None = Field(default=None, description="Only the module with this name.")
    version: Version | None = Field(default=None, description="Only modules of this version.")


class ModuleRead(RecordModel):
    name: str
    version: str
    description: str | None
    is_active: bool


class Removed(BaseModel):
    """Which entry is gone."""

    removed_id: UUID


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

    content: JsonDocument | MISSING = MISSING
    lifetime_s: LifetimeS | MISSING = MISSING


class ScratchNoteRead(RecordModel):
    content: dict[str, Any]
    expires_at: datetime


class TestLog(RequestModel):
    """The message of the test record."""

    __test__ = False  # pytest would take it for tests

    message: Note = "Hello, L1."


class TestLogRead(BaseModel):
    """The ids of the test record: in L1, in the log lines, in the traces."""

    __test__ = False

    record_id: UUID
    request_id: str | None
    trace_id: str | None
