from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from src.common.etags import etag_of, versions_of
from src.common.schemas import RecordModel

CHANGED_AT = datetime(2026, 11, 29, 12, 0, 0, 123457, tzinfo=UTC)
RECORD = RecordModel(id=UUID(int=1), created_at=CHANGED_AT, updated_at=CHANGED_AT)


def test_a_tag_names_the_version_that_it_was_made_from() -> None:
    assert versions_of(etag_of(RECORD)) == [CHANGED_AT]


def test_a_later_change_has_another_tag() -> None:
    later = RECORD.model_copy(update={"updated_at": CHANGED_AT + timedelta(microseconds=1)})

    assert etag_of(later) != etag_of(RECORD)


def test_several_tags_allow_several_versions() -> None:
    assert versions_of(f'"0", {etag_of(RECORD)}') == [datetime(1970, 1, 1, tzinfo=UTC), CHANGED_AT]


@pytest.mark.parametrize("header", [None, "*", " * "])
def test_every_version_may_be_changed_without_a_tag(header: str | None) -> None:
    assert versions_of(header) is None


@pytest.mark.parametrize(
    "header", ["", '""', "abc", 'W/"1"', '"xyz"', '"ffffffffffffffffffff"', "0", '"0', "'0'", "\x00"]
)
def test_what_is_no_tag_of_ours_allows_no_version(header: str) -> None:
    assert versions_of(header) == []


def test_the_largest_tag_is_a_time() -> None:
    [version] = versions_of('"ffffffffffffff"') or []

    assert version.year == 4253
