"""The longer queries, one a file, and the one place where names become a part of a query."""

import re
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,126}")
PLACE: Final = re.compile(r"<(\w+)>")


@cache
def cypher(query: str, **names: str) -> str:
    """Return a query with its `<places>` filled by names of types, relations and modules, never by input.

    Raises:
        ValueError: A name has other characters than letters, digits and _; it is not from the allow-list.
    """
    text = (FOLDER / f"{query}.cypher").read_text(encoding="utf-8")
    return PLACE.sub(lambda place: quoted(names[place[1]]), text)


def quoted(name: str) -> str:
    """Return the name of a type, a relation or a module as a query needs it.

    Raises:
        ValueError: It has other characters than letters, digits and _.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name in the graph.")
    return f"`{name}`"
