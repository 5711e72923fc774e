"""Edit a file outside of the conflicts that a merge left in it."""

import re
from collections.abc import Callable

CONFLICT = re.compile(
    rb"(?P<start>^<{7}[^\n]*\n)(?P<ours>.*?)(?P<rest>^(?:\|{7}[^\n]*\n.*?)?^={7}\r?\n.*?^>{7}[^\n]*\n?)",
    re.MULTILINE | re.DOTALL,
)
PLACEHOLDER = re.compile(rb"# gold slice: a conflict\r?\n")


def edited_beside_conflicts(source: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """Return the source with what `edit` changes in it, where our side of each conflict counts as the text.

    While it is edited, comments are in the place of the markers and of the other side.
    """
    marks = [part for found in CONFLICT.finditer(source) for part in (found["start"], found["rest"])]
    comment = b"# gold slice: a conflict" + (b"\r\n" if b"\r\n" in source else b"\n")
    edited = edit(CONFLICT.sub(lambda found: comment + found["ours"] + comment, source))
    return PLACEHOLDER.sub(lambda _: marks.pop(0), edited)
