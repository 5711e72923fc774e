"""Find what names something renamed, and no codemod changes: settings, notebooks, templates, code in strings."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from .attributes import RenamedSetting
from .codemod import Codemod
from .removed import Removed
from .renames import Renamed
from .source import Place, Source

MOST_BYTES = 20_000_000  # notebooks with pictures are large
CORRECT = "Codemods change only code: correct it here"
PYTHON = (".py", ".pyi")
NAME = re.compile(r"[\w.:]*")


def mentions(
    path: str, code: bytes, codemods: Iterable[tuple[str, Sequence[Codemod]]], *, known: Iterable[int] = ()
) -> Iterator[Place]:
    """Yield the first line of a file for each codemod whose old name it has; in Python only those within strings.

    Lines that are `known` are left out.
    """
    if len(code) > MOST_BYTES or b"\0" in code:
        return
    source = Source(path, code)
    old = [
        (_pattern(word), f"{release}: {codemod.why}. {CORRECT}")
        for release, of_release in codemods
        for codemod in of_release
        if (word := _word(codemod)) and source.has_word(word)
    ]
    if not old:
        return
    lines = list(_strings_of(path, code) if path.endswith(PYTHON) else enumerate(code.splitlines(), start=1))
    for pattern, what in old:
        line = next((number for number, text in lines if number not in known and pattern.search(text)), None)
        if line is not None:
            yield Place(path, line, what)


def _word(codemod: Codemod) -> str | None:
    if isinstance(codemod, (Renamed, RenamedSetting)):
        return codemod.old
    return codemod.name if isinstance(codemod, Removed) else None


def _pattern(name: str) -> re.Pattern[bytes]:
    """Return what finds a full name: with dots, as the path of a module, or in an import."""
    home, dot, last = name.rpartition(".")
    forms = [rf"(?<![\w.]){re.escape(name)}(?!\w)"]
    if dot:
        forms += [rf"(?<![\w.]){re.escape(home)}:{re.escape(last)}(?!\w)"]  # as entry points have it
        forms += [rf"(?<!\w){re.escape(name.replace('.', '/'))}(?:\.py)?(?![\w/])"]
        forms += [rf"from\s+{re.escape(home)}\s+import\s[^;]*(?<!\w){re.escape(last)}(?!\w)"]
    return re.compile("|".join(forms).encode())


def _strings_of(path: str, code: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of all strings but those that are a name alone, which codemods change."""
    try:
        nodes = list(ast.walk(Source(path, code).syntax))
    except (SyntaxError, ValueError):
        return
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not NAME.fullmatch(node.value):
            yield from enumerate(node.value.encode(errors="replace").splitlines(), start=node.lineno)
