"""Edit a file outside of the conflicts that a merge left in it."""

import difflib
from collections.abc import Callable

OURS, BASE, THEIRS, END = b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"


def has_conflicts(source: bytes) -> bool:
    """Return whether the file has conflict markers."""
    return source.startswith(OURS) or b"\n" + OURS in source


def edited_beside_conflicts(source: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """Return the source with what `edit` changes in it, where our side of each conflict counts as the text."""
    lines = source.splitlines(keepends=True)
    ours = _lines_of_ours(lines)
    before = [lines[number] for number in ours]
    after = edit(b"".join(before)).splitlines(keepends=True)
    changes = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    for kind, first, end, new_first, new_end in reversed(changes):
        if kind != "equal":
            start = ours[first] if end > first else ours[first - 1] + 1
            lines[start : start + end - first] = after[new_first:new_end]
    return b"".join(lines)


def _lines_of_ours(lines: list[bytes]) -> list[int]:
    """Return the numbers of the lines that are outside of conflicts or on our side of one."""
    numbers, side = [], "none"
    for number, line in enumerate(lines):
        mark = line[:7]
        if mark == OURS:
            side = "ours"
        elif mark in (BASE, THEIRS) and side != "none":
            side = "theirs"
        elif mark == END and side == "theirs":
            side = "none"
        elif side != "theirs":
            numbers.append(number)
    return numbers
