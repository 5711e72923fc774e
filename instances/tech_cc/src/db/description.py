"""What the models say of tables, for those who cannot read the code."""

from collections.abc import Collection
from typing import Final

from pydantic import BaseModel
from sqlalchemy import make_url

from src.db.base import Base

POSTGRESQL: Final = make_url("postgresql+asyncpg://").get_dialect()()


class ColumnDescription(BaseModel):
    name: str
    type: str
    is_nullable: bool
    is_primary_key: bool


class TableDescription(BaseModel):
    """A table; `purpose` is the first line of its model's docstring."""

    name: str
    purpose: str
    columns: list[ColumnDescription]


class SchemaDescription(BaseModel):
    tables: list[TableDescription]


def describe_schemas(schemas: Collection[str]) -> SchemaDescription:
    """Return the tables of these schemas, sorted by name."""
    models = [mapper.class_ for mapper in Base.registry.mappers if mapper.local_table.schema in schemas]
    tables = [
        TableDescription(
            name=str(model.__table__),
            purpose=(model.__doc__ or "").partition("\n")[0],
            columns=[
                ColumnDescription(
                    name=column.name,
                    type=column.type.compile(dialect=POSTGRESQL),
                    is_nullable=bool(column.nullable),
                    is_primary_key=column.primary_key,
                )
                for column in model.__table__.columns
            ],
        )
        for model in models
    ]
    return SchemaDescription(tables=sorted(tables, key=lambda each: each.name))
