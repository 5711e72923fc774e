"""Entity tags, so that two clients do not overwrite each other's changes (RFC 9110, `ETag` and `If-Match`).

The tag of a record is the time of its last change in microseconds.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Header, Response

from src.common.schemas import RecordModel

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TAG: Final = re.compile(r'"([0-9a-f]{1,14})"')
MICROSECOND: Final = timedelta(microseconds=1)


def etag_of(record: RecordModel) -> str:
    """Return the strong entity tag of a record."""
    return f'"{(record.updated_at - EPOCH) // MICROSECOND:x}"'


def set_etag[Record: RecordModel](response: Response, record: Record) -> Record:
    """Send the record's entity tag with the response, and return the record."""
    response.headers["ETag"] = etag_of(record)
    return record


def versions_of(
    if_match: Annotated[
        str | None,
        Header(max_length=1000, description="`ETag` of the version to change; 412 if there is a later one."),
    ] = None,
) -> list[datetime] | None:
    """Return the versions that `If-Match` allows to change; None if it allows every version.

    A weak tag, or one that this service never sent, is no version.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [TAG.fullmatch(tag.strip()) for tag in if_match.split(",")]
    return [EPOCH + int(tag[1], 16) * MICROSECOND for tag in tags if tag]


IfMatch = Annotated[list[datetime] | None, Depends(versions_of)]
