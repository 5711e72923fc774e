"""The SQL that writes records: one statement, whatever a record links, however many records there are.

The foreign keys are checked when the statement ends, so that the order of its parts is free. Schemas come from
the settings, which take nothing but a-z, 0-9 and _; values are always parameters.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain, count
from typing import Any, Final

from src.l1.entries import Log, Record

BASE: Final = ("id uuid", "source_module text", "request_id text", "trace_id text", "subject text")
LINK: Final = ("base_log_id uuid", "position int2")
PROMPT: Final = (*LINK, "role text", "content text", "tokens_in int", "tokens_out int")
EVENT: Final = (*LINK, "event_type text", "payload jsonb")
TABLES: Final = {"base_log": BASE, "prompt_trace": PROMPT, "event_log": EVENT}
ENTRIES_BY_VALUE: Final = 8  # a statement of its own for each number of entries up to that; the driver caches 100


def insertion_of(record: Record, log: Log) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that writes one record, and its parameters."""
    if len(record.prompts) + len(record.events) > ENTRIES_BY_VALUE:
        return insertion_of_all([record], log)
    sql = _insertion(log.schema, len(record.prompts), len(record.events))
    return sql, (*record.base, *chain.from_iterable(record.prompts), *chain.from_iterable(record.events))


def insertion_of_all(records: Sequence[Record], log: Log) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that writes all records or none, and leaves out what is there already."""
    parameters = (
        *_columns([record.base for record in records], len(BASE)),
        *_columns([prompt for record in records for prompt in record.prompts], len(PROMPT)),
        *_columns([event for record in records for event in record.events], len(EVENT)),
    )
    return _insertion_by_columns(log.schema), parameters


@cache
def _insertion(schema: str, prompts: int, events: int) -> str:
    """Return the statement for one record of so many entries; each row's parameters follow those before."""
    numbers = count(1)
    parts = []
    for (table, columns), rows in zip(TABLES.items(), (1, prompts, events), strict=True):
        values = ["(" + ", ".join(f"${next(numbers)}" for _ in columns) + ")" for _ in range(rows)]
        if values:
            parts.append(f"{_into(schema, table)} VALUES {', '.join(values)}")
    return _joined(parts)


@cache
def _insertion_by_columns(schema: str) -> str:
    """Return the statement for any number of records; each parameter is a whole column."""
    numbers = count(1)
    parts = []
    for table, columns in TABLES.items():
        arrays = ", ".join(f"${next(numbers)}::{column.split()[1]}[]" for column in columns)
        rows = f"SELECT * FROM unnest({arrays})"  # noqa: S608  # nosec B608
        parts.append(f"{_into(schema, table)} {rows} ON CONFLICT DO NOTHING")
    return _joined(parts)


def _into(schema: str, table: str) -> str:
    names = ", ".join(column.split()[0] for column in TABLES[table])
    return f'INSERT INTO "{schema}".{table} ({names})'


def _joined(parts: Sequence[str]) -> str:
    *first, last = parts
    named = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(first))
    return f"WITH {named} {last}"


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Turn rows into columns; no rows are so many empty columns."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
