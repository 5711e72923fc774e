import ast
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gold_slice.list_literal import ListError, add_entries, entries_in, remove_entries

EMPTY = b"NAMES: list[str] = []\n"
NAME = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
LINE_OF_USER = st.sampled_from(
    ["", "    # a note\n", '    "mine",  # by hand\n', "    'quoted',\n", "    *more,\n", "\n"]
)


def names_in(source: bytes) -> list[str]:
    """Return the strings of the list, as Python sees them."""
    assignment = next(node for node in ast.parse(source).body if isinstance(node, (ast.Assign, ast.AnnAssign)))
    assert isinstance(assignment.value, ast.List)
    return [
        item.value for item in assignment.value.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("NAMES = []\n", 'NAMES = [\n    "cc",\n]\n'),
        ("NAMES: list[str] = []  # note\n", 'NAMES: list[str] = [\n    "cc",\n]  # note\n'),
        ("NAMES = [\n]\n", 'NAMES = [\n    "cc",\n]\n'),
        ("NAMES = [\n    # note\n]\n", 'NAMES = [\n    "cc",\n    # note\n]\n'),
        ('NAMES = [\n    "aa",\n]\n', 'NAMES = [\n    "aa",\n    "cc",\n]\n'),
        ('NAMES = [\n    "dd",\n]\n', 'NAMES = [\n    "cc",\n    "dd",\n]\n'),
        ('NAMES = [\n    "aa",  # first\n    # about dd\n    "dd",\n]\n',
         'NAMES = [\n    "aa",  # first\n    "cc",\n    # about dd\n    "dd",\n]\n'),
        ('NAMES = [\n    "aa"\n]\n', 'NAMES = [\n    "aa",\n    "cc",\n]\n'),
        ('NAMES = [\n    "aa"  # no comma\n]\n', 'NAMES = [\n    "aa",  # no comma\n    "cc",\n]\n'),
        ('NAMES = [\n    "aa",\n    # the end\n]\n', 'NAMES = [\n    "aa",\n    "cc",\n    # the end\n]\n'),
        ('NAMES = ["aa", "dd"]\n', 'NAMES = ["aa",\n    "cc",\n    "dd"]\n'),
        ('NAMES = ["aa"]', 'NAMES = ["aa",\n    "cc",\n]'),
        ("NAMES = [\n    'cc',\n]\n", "NAMES = [\n    'cc',\n]\n"),
        ("import x\n\n\nNAMES = []\ny = 1\n", 'import x\n\n\nNAMES = [\n    "cc",\n]\ny = 1\n'),
        ("if x:\n    NAMES = []\nNAMES = []\n", 'if x:\n    NAMES = []\nNAMES = [\n    "cc",\n]\n'),
    ],
)  # fmt: skip
def test_an_entry_goes_where_it_sorts_and_nothing_else_moves(before: str, after: str) -> None:
    assert add_entries(before.encode(), name="NAMES", entries=["cc"]).decode() == after


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n# \xe9\n"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_endings_byte_order_mark_and_encoding_are_kept(prefix: bytes, ending: bytes, *, last: bool) -> None:
    def source(*lines: bytes) -> bytes:
        return prefix.replace(b"\n", ending) + ending.join(lines) + (ending if last else b"")

    before = source(b"x = 1", b"NAMES = [", b'    "aa",', b"]", b"y = 2")

    after = add_entries(before, name="NAMES", entries=["cc"])

    assert after == source(b"x = 1", b"NAMES = [", b'    "aa",', b'    "cc",', b"]", b"y = 2")


@given(st.sets(NAME, max_size=6), st.lists(LINE_OF_USER, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_whatever_the_order_the_bytes_are_the_same(names: set[str], lines: list[str], random: object) -> None:
    source = f"NAMES = [\n{''.join(lines)}]\n".encode()
    at_once = add_entries(source, name="NAMES", entries=names)

    one_by_one, shuffled = source, sorted(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its Random loosely
    for name in shuffled:
        one_by_one = add_entries(one_by_one, name="NAMES", entries=[name])

    assert one_by_one == at_once


@given(st.sets(NAME, max_size=6), st.lists(LINE_OF_USER, max_size=6))
@settings(max_examples=60, deadline=None)
def test_entries_are_added_and_every_line_of_a_user_survives(names: set[str], lines: list[str]) -> None:
    source = f"NAMES = [\n{''.join(lines)}]\n".encode()

    after = add_entries(source, name="NAMES", entries=names)

    assert set(names_in(after)) == names | set(names_in(source))
    assert add_entries(after, name="NAMES", entries=names) == after
    remaining = iter(after.decode().splitlines())
    assert all(line in remaining for line in source.decode().splitlines())


def test_any_order_of_modules_leaves_the_list_sorted() -> None:
    for order in itertools.permutations(["cc", "crm", "pem"]):
        source = EMPTY
        for name in order:
            source = add_entries(source, name="NAMES", entries=[name])
        assert names_in(source) == ["cc", "crm", "pem"]


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        (b"", [":1: there is no list NAMES"]),
        (b"def f():\n    NAMES = []\n", [":1: there is no list NAMES"]),
        (b"NAMES = []\nx = 1\nNAMES = []\n", [":1: there is more than one NAMES", ":3: there is more than one NAMES"]),
        (b"x = 1\nNAMES = ()\n", [":2: NAMES is not a plain list"]),
        (b"NAMES = list()\n", [":1: NAMES is not a plain list"]),
        (b"NAMES: list[str]\n", [":1: NAMES is not a plain list"]),
        (b"x = 1\ny = = 2\nNAMES = []\n", [":2: the file is not valid Python"]),
        (b"<<<<<<< ours\nNAMES = []\n=======\n>>>>>>> theirs\n", [":1: the file is not valid Python"]),
        (b"# \xff\nNAMES = []\n", [":1: the file is not valid Python"]),
        (b"# -*- coding: no-such -*-\nNAMES = []\n", [":1: the file is not valid Python"]),
    ],
)
def test_a_file_that_cannot_be_edited_is_refused_with_line_and_fix(source: bytes, faults: list[str]) -> None:
    with pytest.raises(ListError) as refusal:
        add_entries(source, name="NAMES", entries=["cc"])

    said = [str(fault) for fault in refusal.value.faults]
    assert [line.partition(". Fix: ")[0] for line in said] == faults
    assert all(line.partition(". Fix: ")[2] for line in said)


@given(st.sets(NAME, min_size=1, max_size=6), st.lists(LINE_OF_USER, max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_was_added_can_be_taken_out_again_without_a_trace(names: set[str], lines: list[str]) -> None:
    source = add_entries(f"NAMES = [\n{''.join(lines)}]\n".encode(), name="NAMES", entries=["zzzz"])
    added = add_entries(source, name="NAMES", entries=names)

    assert remove_entries(added, name="NAMES", entries=names - set(names_in(source))) == source


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('NAMES = [\n    "cc",\n]\n', "NAMES = []\n"),
        ('NAMES = [\n    "cc",\n    # the end\n]\n', "NAMES = [\n    # the end\n]\n"),
        ('NAMES = [\n    "cc",  # mine\n]\n', 'NAMES = [\n    "cc",  # mine\n]\n'),
        ('NAMES = [\n    # mine\n    "cc",\n]\n', 'NAMES = [\n    # mine\n    "cc",\n]\n'),
        ('NAMES = [\n    "aa",\n    "cc",\n]\n', 'NAMES = [\n    "aa",\n]\n'),
        ('NAMES = ["cc"]\n', 'NAMES = ["cc"]\n'),
        ("NAMES = []\n", "NAMES = []\n"),
    ],
)
def test_an_entry_with_a_comment_of_a_user_is_not_taken_out(before: str, after: str) -> None:
    assert remove_entries(before.encode(), name="NAMES", entries=["cc"], only_plain=True).decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('NAMES = [\n    "aa",\n    "cc",  # mine\n]\n', 'NAMES = [\n    "aa",\n]\n'),
        ('NAMES = [\n    # above\n    "cc",\n    "dd",\n]\n', 'NAMES = [\n    # above\n    "dd",\n]\n'),
        ('NAMES = ["aa", "cc"]\n', 'NAMES = ["aa", ]\n'),
        ('NAMES = ["cc", "dd"]\n', 'NAMES = ["dd"]\n'),
        ('NAMES = ["cc"]\n', "NAMES = []\n"),
    ],
)
def test_an_entry_is_removed_whatever_is_beside_it(before: str, after: str) -> None:
    assert remove_entries(before.encode(), name="NAMES", entries=["cc"]).decode() == after


def test_elements_that_are_no_strings_are_passed_over() -> None:
    assert entries_in(b'NAMES = ["aa", *EXTRA, b"x", other, "bb"]\n', name="NAMES") == ["aa", "bb"]
