"""The trail, in the module's own schema. A trigger of the first migration refuses to change or delete rows."""

from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from src.db.base import Record

from .identity import SCHEMA


class Entry(Record):
    """One action; `recorded_by` is the subject of the caller's token, None while the API is open."""

    __tablename__ = "entries"
    __table_args__ = (Index(None, "actor", "id"), Index(None, "target", "id"), {"schema": SCHEMA})

    actor: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(100))
    target: Mapped[str] = mapped_column(String(255))
    details: Mapped[dict[str, Any]]
    recorded_by: Mapped[str | None] = mapped_column(String(255))
