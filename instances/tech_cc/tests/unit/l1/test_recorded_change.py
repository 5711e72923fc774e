"""What PostgreSQL does with these statements is tested with the routes; here is what they are made of."""

import re

import pytest
from sqlalchemy import Column, Integer, MetaData, Select, String, Table, bindparam, delete, update
from sqlalchemy.dialects.postgresql import dialect, insert

from src.l1.entries import Log, UnstorableRecordError
from src.l1.recorded_change import new_id, recorded

LOG = Log(module="pem", schema="mem0_pem")
SEATS = Table("seats", MetaData(schema="pem"), Column("id", Integer, primary_key=True), Column("row", String))
IS_THE_SEAT = SEATS.c.id == bindparam("seat_id")
CHANGES = {
    "INSERT": insert(SEATS).values(id=new_id(), row=bindparam("row")).returning(*SEATS.c),
    "UPDATE": update(SEATS).where(IS_THE_SEAT).values(row=bindparam("row")).returning(*SEATS.c),
    "DELETE": delete(SEATS).where(IS_THE_SEAT).returning(*SEATS.c),
}


def parameters_of(statement: Select[int, str]) -> dict[str, object]:
    compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]
    return dict(compiled.construct_params({"seat_id": 1, "row": "B"}))


@pytest.mark.parametrize("verb", CHANGES)
def test_a_change_and_its_record_are_one_statement_in_the_schema_of_the_log(verb: str) -> None:
    sql = str(recorded(CHANGES[verb], LOG, "seat.changed").compile(dialect=dialect()))  # type: ignore[no-untyped-call]

    assert ";" not in sql
    assert re.findall(r"(INSERT INTO|UPDATE|DELETE FROM) (\w+\.\w+)", sql)[0][1] == "pem.seats"
    assert re.findall(r"INTO (mem0_\w+\.\w+)", sql) == ["mem0_pem.base_log", "mem0_pem.event_log"]
    assert sql.count("FROM change") == 3  # the two rows of the record, and what comes back


def test_each_execution_has_ids_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = iter(["request-1", "request-2"])
    monkeypatch.setattr("src.l1.recorded_change.current_request_id", lambda: next(requests))
    statement = recorded(CHANGES["DELETE"], LOG, "seat.deleted")

    first, second = (list(parameters_of(statement).values()) for _ in range(2))

    assert "request-1" in first
    assert "request-2" in second
    assert len({value for value in first + second if type(value).__name__ == "UUID"}) == 2


def test_the_payload_holds_columns_and_parameters() -> None:
    statement = recorded(CHANGES["DELETE"], LOG, "seat.deleted", columns=["row"], parameters=["reason"])
    sql = str(statement.compile(dialect=dialect()))  # type: ignore[no-untyped-call]

    assert re.search(r"jsonb_build_object\(.*, change.row, .*%\(reason\)s::JSONB\)", sql)


def test_an_event_type_that_breaks_the_rule_is_refused_where_the_statement_is_built() -> None:
    with pytest.raises(UnstorableRecordError, match="The type of an event looks like"):
        recorded(CHANGES["DELETE"], LOG, "Seat deleted")


def test_a_column_that_the_change_does_not_return_is_refused_where_the_statement_is_built() -> None:
    with pytest.raises(KeyError, match="price"):
        recorded(CHANGES["DELETE"], LOG, "seat.deleted", columns=["price"])
