"""A change and the record of it as one statement: PostgreSQL commits both or neither, in one round trip."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    Uuid,
    bindparam,
    column,
    func,
    literal,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.dml import UpdateBase
from uuid_utils.compat import uuid7

from src.common.access.caller import current_subject
from src.common.request_id_middleware import current_request_id
from src.common.tracing import current_trace_id
from src.l1.announcement import RECORD_ID, RECORDED_IN
from src.l1.entries import Log, checked_event_type


def recorded(
    change: UpdateBase, log: Log, event_type: str, *, columns: Sequence[str] = (), parameters: Sequence[str] = ()
) -> Select[Any]:
    """Return a statement that makes a change, records it as an event, and returns the rows that the change returns.

    Where the change changes nothing (the name is taken, the id is unknown), nothing is recorded and no row comes
    back. Build the statement once, at import: it reads request, trace and caller at each execution.

        RESERVE_SEAT = recorded(
            update(SEATS).where(SEATS.c.id == bindparam("seat_id")).values(is_free=False).returning(*SEATS.c),
            LOG, "seat.reserved", columns=["id", "row"], parameters=["reason"],
        )
        row = (await session.execute(RESERVE_SEAT, {"seat_id": seat_id, "reason": "booked"})).one_or_none()

    Args:
        change: `insert`, `update` or `delete` of at most one row, with `returning`. A new row takes its id from
            `new_id()`, since SQLAlchemy does not apply defaults made in Python to a statement inside another.
        log: The log of the slice.
        event_type: What happened, such as `seat.reserved`.
        columns: The returned columns that the payload of the event holds. Their length is not checked.
        parameters: The parameters of an execution that the payload holds as well, as JSON.
    """
    changed = change.cte("change")
    record_id = bindparam(RECORD_ID, callable_=uuid7, type_=Uuid)
    base_log = _insert_from(
        changed,
        log,
        "base_log",
        id=record_id,
        source_module=literal(log.module, String),
        request_id=bindparam(None, callable_=current_request_id, type_=String),
        trace_id=bindparam(None, callable_=current_trace_id, type_=String),
        subject=bindparam(None, callable_=current_subject, type_=String),
    )
    event_log = _insert_from(
        changed,
        log,
        "event_log",
        base_log_id=record_id,
        position=literal(0, Integer),
        event_type=literal(checked_event_type(event_type), String),
        payload=_payload(changed, columns, parameters),
    )
    return select(changed).add_cte(base_log, event_log).execution_options(**{RECORDED_IN: log.module})


def new_id() -> BindParameter[Any]:
    """Return a parameter that is a new UUID v7 at each execution."""
    return bindparam(None, callable_=uuid7, type_=Uuid)


def _insert_from(changed: CTE, log: Log, name: str, **values: ColumnElement[Any]) -> CTE:
    """Return an insert of these values into a table of the log for the row that the change returns, if there is one."""
    target = table(name, *[column(key, value.type) for key, value in values.items()], schema=log.schema)
    return insert(target).from_select(list(values), select(*values.values()).select_from(changed)).cte(name)


def _payload(changed: CTE, columns: Sequence[str], parameters: Sequence[str]) -> ColumnElement[Any]:
    pairs: list[ColumnElement[Any]] = []
    for name in columns:
        pairs += [literal(name, String), changed.c[name]]
    for name in parameters:
        pairs += [literal(name, String), bindparam(name, type_=JSONB)]
    return func.jsonb_build_object(*pairs, type_=JSONB)
