"""The declarative base of all tables, and the columns that all records share."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, TIMESTAMP, BindParameter, ColumnElement, MetaData, Table, any_, bindparam, func, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

CONSTRAINT_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """One metadata for the host and all modules; each module's tables name their own schema."""

    metadata = MetaData(naming_convention=CONSTRAINT_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: TIMESTAMP(timezone=True), dict[str, Any]: JSONB}


class Record(Base):
    """A row with an identity and two timestamps.

    Ids are UUID v7 made here, since PostgreSQL 15 has none: they ascend with time, so that a page can continue
    after one, and an index grows at its end.
    """

    __abstract__ = True
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012  # SQLAlchemy declares it, and not as a ClassVar

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-3)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=-2)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now(), sort_order=-1)


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, for statements whose rows are plain values instead of objects of the model."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def parameters(*names: str) -> dict[str, BindParameter[Any]]:
    """Return a parameter for each of these columns, for the `values` of a statement that is built once."""
    return {name: bindparam(name) for name in names}


def is_in_version(table: Table) -> ColumnElement[bool]:
    """Return the condition that the parameter `versions` is NULL, or contains the time of the row's last change."""
    versions = bindparam("versions", type_=ARRAY(TIMESTAMP(timezone=True)))
    return or_(versions.is_(None), table.c.updated_at == any_(versions))
