"""Scratch memory, in a schema of its own that no other module reads or writes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from db.base import Record

from .identity import MEM0_SCHEMA


class ScratchNote(Record):
    """Structured data that is worthless after `expires_at`, and gone soon after."""

    __tablename__ = "scratch_note"
    __table_args__ = (Index(None, "expires_at"), {"schema": MEM0_SCHEMA})

    content: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]
