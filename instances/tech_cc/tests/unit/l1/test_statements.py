import re

import pytest

from src.l1.entries import Event, Log, Prompt, Record, new_record
from src.l1.statements import ENTRIES_BY_VALUE, insertion_of, insertion_of_all

LOG = Log(module="cc", schema="mem0_cc")


def record(*, prompts: int = 0, events: int = 0) -> Record:
    return new_record(LOG, [*[Prompt("user", "hi")] * prompts, *[Event("a")] * events])


def placeholders(sql: str) -> list[int]:
    return [int(number) for number in re.findall(r"\$(\d+)", sql)]


@pytest.mark.parametrize(("prompts", "events"), [(1, 0), (0, 1), (1, 1), (3, 2)])
def test_a_record_is_one_statement_with_a_place_for_each_parameter(prompts: int, events: int) -> None:
    sql, parameters = insertion_of(record(prompts=prompts, events=events), LOG)

    assert ";" not in sql
    assert placeholders(sql) == list(range(1, len(parameters) + 1))
    assert len(parameters) == 5 + 6 * prompts + 4 * events


def test_the_statement_of_a_shape_is_made_once() -> None:
    first, second = (insertion_of(record(prompts=1, events=1), LOG)[0] for _ in range(2))

    assert first is second


def test_a_record_of_many_entries_has_no_statement_of_its_own() -> None:
    many, more = (insertion_of(record(events=ENTRIES_BY_VALUE + n), LOG)[0] for n in (1, 2))

    assert many is more


def test_many_records_are_one_statement_of_columns() -> None:
    records = [record(prompts=1), record(events=2)]

    sql, parameters = insertion_of_all(records, LOG)

    assert placeholders(sql) == list(range(1, len(parameters) + 1))
    assert parameters[0] == [records[0].id, records[1].id]
    assert [len(column) for column in parameters] == [2] * 5 + [1] * 6 + [2] * 4


def test_a_log_is_written_to_its_own_schema() -> None:
    sql, _ = insertion_of(record(events=1), Log(module="pem", schema="mem0_pem"))

    assert set(re.findall(r'INTO "(\w+)"', sql)) == {"mem0_pem"}
