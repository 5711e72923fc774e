"""Find the lines of notebooks whose code uses something renamed. Codemods change none."""

import json
from collections.abc import Iterable, Iterator, Sequence

from .codemod import Codemod
from .mentions import CORRECT, MOST_BYTES
from .run import Migration
from .source import Place, Source

NOT_PYTHON = ("%", "!", "?")  # a line that begins so is a command of the notebook


def notebook_places(path: str, code: bytes, codemods: Iterable[tuple[str, Sequence[Codemod]]]) -> Iterator[Place]:
    """Yield the first line of a notebook's code that codemods would change, for each of their reasons."""
    before = _code_of(code) if len(code) <= MOST_BYTES else b""
    migration = Migration({path: Source(path, before)})
    for release, of_release in codemods:
        migration.apply(of_release, release=release)
    after = {*migration.sources[path].code.splitlines()}
    changed = next((line for line in before.splitlines() if line not in after), b"")
    for why in migration.reasons.get(path, ()):
        yield Place(path, _line_of(changed, code), f"{why}. {CORRECT}")


def _code_of(notebook: bytes) -> bytes:
    """Return the code of all cells, or nothing if this is no notebook."""
    try:
        cells = [cell["source"] for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
        texts = [source if isinstance(source, str) else "".join(source) for source in cells]
    except (ValueError, TypeError, KeyError):
        return b""
    lines = "\n".join(texts).splitlines()
    return "".join(f"{'# ' if each.lstrip().startswith(NOT_PYTHON) else ''}{each}\n" for each in lines).encode()


def _line_of(text: bytes, notebook: bytes) -> int:
    """Return the line of the notebook's file that has a line of its code, or the first."""
    written = json.dumps(text.decode(), ensure_ascii=False)[1:-1].encode()
    return next((number for number, line in enumerate(notebook.splitlines(), start=1) if written in line), 1)
