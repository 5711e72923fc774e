from importlib import import_module
from uuid import UUID

from uuid_utils.compat import uuid7

from src.cos_main import SLICES
from src.db.base import Base


def tables_by_name() -> dict[str, str]:
    for package in SLICES:
        import_module(package)
    return {name: table.schema or "" for name, table in Base.metadata.tables.items()}


def test_every_table_lives_in_a_schema_of_its_module() -> None:
    assert all(schema not in ("", "public") for schema in tables_by_name().values())


def test_no_foreign_key_crosses_schemas() -> None:
    tables_by_name()

    crossing = [
        f"{table.fullname} -> {key.column.table.fullname}"
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.schema != table.schema
    ]

    assert crossing == []


def test_every_constraint_has_a_name_that_a_migration_can_drop() -> None:
    tables_by_name()

    assert all(constraint.name for table in Base.metadata.tables.values() for constraint in table.constraints)


def test_ids_ascend_with_time() -> None:
    ids = [uuid7() for _ in range(1000)]

    assert ids == sorted(ids)
    assert isinstance(ids[0], UUID)
