"""The tables of a log, as mixins; each module puts them into its own schema.

A model that inherits one of these classes sets `mem0_schema`, the name of the schema.
"""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from uuid_utils.compat import uuid7

from src.l1.xid8 import Xid8

# Rows are written once and deleted when they are old. PostgreSQL's own settings wait until a fifth of a table has
# changed. With these, vacuum runs after a fixed number of rows, and freezes a page the first time, since its rows
# never change again.
APPEND_ONLY: Final = {
    "autovacuum_vacuum_insert_scale_factor": 0,
    "autovacuum_vacuum_insert_threshold": 50_000,
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 50_000,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 50_000,
    "autovacuum_freeze_min_age": 0,
}
# Few rows that change often: half of each page stays free, so that the new version of a row fits on the same page.
OFTEN_UPDATED: Final = {"fillfactor": 50, "autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000}


class BaseLogTable:
    """One record. Read records in the order of `(xid, seq)`: `id` and `timestamp` are not in the order of commits."""

    __tablename__ = "base_log"
    mem0_schema: ClassVar[str]

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    timestamp: Mapped[datetime] = mapped_column(server_default=func.now())
    source_module: Mapped[str] = mapped_column(String(63))
    request_id: Mapped[str | None] = mapped_column(String(64))
    trace_id: Mapped[str | None] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(String(255))  # who called; see src/common/access
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    xid: Mapped[int] = mapped_column(Xid8, server_default=func.pg_current_xact_id())

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        return (
            Index(None, "xid", "seq"),
            {"schema": cls.mem0_schema, "postgresql_with": APPEND_ONLY},
        )


class LinkedTable:
    """A row that is part of a record; `position` numbers all prompts and events of the record, from 0."""

    mem0_schema: ClassVar[str]

    @declared_attr
    def base_log_id(cls) -> Mapped[UUID]:
        return mapped_column(ForeignKey(f"{cls.mem0_schema}.base_log.id", ondelete="CASCADE"), primary_key=True)

    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)


class PromptTraceTable(LinkedTable):
    """A message to a language model, or from it."""

    __tablename__ = "prompt_trace"

    role: Mapped[str] = mapped_column(String(32))
    content: Mapped[str] = mapped_column(Text)
    tokens_in: Mapped[int | None]
    tokens_out: Mapped[int | None]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        return (
            CheckConstraint("tokens_in >= 0 AND tokens_out >= 0", name="tokens"),
            {"schema": cls.mem0_schema, "postgresql_with": APPEND_ONLY},
        )


class EventLogTable(LinkedTable):
    """An event, with its details."""

    __tablename__ = "event_log"

    event_type: Mapped[str] = mapped_column(String(100))
    payload: Mapped[dict[str, Any]]

    @declared_attr.directive
    def __table_args__(cls) -> dict[str, Any]:
        return {"schema": cls.mem0_schema, "postgresql_with": APPEND_ONLY}


class ConsumerCheckpointTable:
    """The position of a consumer of the log: it has processed every record up to `(xid, seq)`."""

    __tablename__ = "consumer_checkpoint"
    mem0_schema: ClassVar[str]

    consumer: Mapped[str] = mapped_column(String(63), primary_key=True)
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("'0'"))
    seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @declared_attr.directive
    def __table_args__(cls) -> dict[str, Any]:
        return {"schema": cls.mem0_schema, "postgresql_with": OFTEN_UPDATED}


class DeadLetterTable:
    """A record that a consumer could not handle, and why. The record is kept as long as its dead letter."""

    __tablename__ = "dead_letter"
    mem0_schema: ClassVar[str]

    consumer: Mapped[str] = mapped_column(String(63), primary_key=True)
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    tries: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        reference = ForeignKeyConstraint(["record_id"], [f"{cls.mem0_schema}.base_log.id"])
        return (reference, Index(None, "record_id"), {"schema": cls.mem0_schema})
