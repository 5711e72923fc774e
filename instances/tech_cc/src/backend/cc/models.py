"""Persistent tables, in the module's own schema."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from src.db.base import Record

from .identity import SCHEMA


class HealthStatus(Record):
    """The last health report of a component."""

    __tablename__ = "health_status"
    __table_args__ = (
        UniqueConstraint("component"),
        CheckConstraint("status IN ('healthy', 'degraded', 'unhealthy')", name="status"),
        {"schema": SCHEMA},
    )

    component: Mapped[str] = mapped_column(String(63))
    status: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str | None] = mapped_column(String(1000))
    reported_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Module(Record):
    """An entry of the module registry."""

    __tablename__ = "modules"
    __table_args__ = (UniqueConstraint("name"), Index(None, "version", "id"), {"schema": SCHEMA})

    name: Mapped[str] = mapped_column(String(63))
    version: Mapped[str] = mapped_column(String(64))
    description: Mapped[str | None] = mapped_column(String(1000))
    is_active: Mapped[bool]
