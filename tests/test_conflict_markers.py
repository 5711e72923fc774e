import pytest

from gold_slice.conflict_markers import edited_beside_conflicts
from gold_slice.list_literal import ListError, add_entries

CONFLICT = b"<<<<<<< before updating\nx = 1\n=======\nx = 2\n>>>>>>> after updating\n"
WITH_BASE = b"<<<<<<< ours\nx = 1\n||||||| base\nx = 0\n=======\nx = 2\n>>>>>>> theirs\n"


def add(source: bytes) -> bytes:
    return add_entries(source, name="NAMES", entries=["cc", "pem"])


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("conflict", [CONFLICT, WITH_BASE])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"NAMES = []\n", b'NAMES = [\n    "cc",\n    "pem",\n]\n'),
        (b'NAMES = [\n    "mine",\n]\n', b'NAMES = [\n    "cc",\n    "mine",\n    "pem",\n]\n'),
    ],
)
def test_entries_are_put_in_and_the_conflict_stays_as_it_is(
    conflict: bytes, ending: bytes, before: bytes, after: bytes
) -> None:
    conflict, before, after = (part.replace(b"\n", ending) for part in (conflict, before, after))
    assert edited_beside_conflicts(conflict + before, add) == conflict + after
    assert edited_beside_conflicts(before + conflict, add) == after + conflict
    assert edited_beside_conflicts(conflict + before + conflict, add) == conflict + after + conflict


def test_a_line_that_only_looks_like_a_mark_is_left_alone() -> None:
    source = CONFLICT + b'"""\nTitle\n=======\n"""\nNAMES = []\n'

    assert edited_beside_conflicts(source, add).startswith(CONFLICT + b'"""\nTitle\n=======\n"""\nNAMES = [\n')


def test_a_conflict_within_the_list_is_refused_rather_than_guessed() -> None:
    source = b"NAMES = [\n<<<<<<< ours\n=======\n]\n>>>>>>> theirs\n"

    with pytest.raises(ListError):
        edited_beside_conflicts(source, add)


def test_a_file_without_conflicts_is_edited_as_it_is() -> None:
    source = b"x = '<<<<<<< '\nNAMES = []\n"

    assert edited_beside_conflicts(source, add) == add(source)
