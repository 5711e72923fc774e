"""Say which tables the module has."""

from src.db.description import SchemaDescription, describe_schemas

from .. import mem0_models, models  # noqa: F401  # they register the tables
from ..identity import MEM0_SCHEMA, SCHEMA


def describe_tables() -> SchemaDescription:
    """Return the tables of the module: its own, and those of its notes and its log."""
    return describe_schemas({SCHEMA, MEM0_SCHEMA})
