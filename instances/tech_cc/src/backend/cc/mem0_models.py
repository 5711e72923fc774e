"""Scratch memory and the log, in a schema of their own that no other module reads or writes."""

from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from src.db.base import Base, Record
from src.l1.entries import Log
from src.l1.tables import BaseLogTable, ConsumerCheckpointTable, DeadLetterTable, EventLogTable, PromptTraceTable

from .identity import MEM0_SCHEMA, MODULE

LOG: Final = Log(module=MODULE, schema=MEM0_SCHEMA)


class ScratchNote(Record):
    """Structured data that is deleted some time after `expires_at`."""

    __tablename__ = "scratch_note"
    __table_args__ = (Index(None, "expires_at"), {"schema": MEM0_SCHEMA})

    content: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]


class BaseLog(BaseLogTable, Base):
    """A record of this module."""

    mem0_schema: ClassVar[str] = MEM0_SCHEMA


class PromptTrace(PromptTraceTable, Base):
    """A prompt of a record."""

    mem0_schema: ClassVar[str] = MEM0_SCHEMA


class EventLog(EventLogTable, Base):
    """An event of a record."""

    mem0_schema: ClassVar[str] = MEM0_SCHEMA


class ConsumerCheckpoint(ConsumerCheckpointTable, Base):
    """The position of a consumer in this module's log."""

    mem0_schema: ClassVar[str] = MEM0_SCHEMA


class DeadLetter(DeadLetterTable, Base):
    """A record of this module that a consumer could not handle."""

    mem0_schema: ClassVar[str] = MEM0_SCHEMA
