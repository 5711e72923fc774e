"""The log of the module, in a schema of its own that no other module reads or writes."""

from typing import ClassVar, Final

from src.db.base import Base
from src.l1.entries import Log
from src.l1.tables import BaseLogTable, ConsumerCheckpointTable, DeadLetterTable, EventLogTable, PromptTraceTable

from .identity import MEM0_SCHEMA, MODULE

LOG: Final = Log(module=MODULE, schema=MEM0_SCHEMA)


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
