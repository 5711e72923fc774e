"""What the author of a template tests codemods with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .codemods import Codemod, Place, Renamed, Source
from .codemods.run import Migration, migrate


def check_codemod(codemod: Codemod, *, before: str, after: str, path: str = "src/ours.py") -> list[str]:
    """Assert what a codemod makes of a file, and return the sentences about places that it cannot change.

    What it makes is the same when it is made of the result again, is valid Python, and leaves a file alone that does
    not use what has changed.
    """
    changed = _applied([codemod], {path: before})
    assert _text(changed, path) == after
    again = _applied([codemod], {path: after})
    assert _text(again, path) == after, "applied twice, it does more than applied once"
    compile(after.encode(), path, "exec")
    alone = "import os\n\n\ndef unrelated(text: str) -> str:\n    return os.fspath(text)\n"
    assert _text(_applied([codemod], {path: alone}), path) == alone, "it changes a file that it does not concern"
    return [str(place) for place in changed.told()]


def check_codemods(codemods: Sequence[Codemod], project: Path) -> list[Place]:
    """Assert that codemods leave the project of their own release as it is, and return the places that they name.

    Renames must not meet: what one makes must not be what another one takes.
    """
    paths = [
        path.relative_to(project).as_posix() for path in sorted(project.rglob("*.py")) if ".venv" not in path.parts
    ]
    migration = migrate(project, paths, [("this release", codemods)])
    changed = sorted(migration.reasons)
    assert not changed, f"the release's own files still have what its codemods replace: {changed}"
    renames = {each.old: each.new for each in codemods if isinstance(each, Renamed)}
    assert not renames.keys() & set(renames.values()), "a rename takes what another one makes"
    return migration.told()


def _applied(codemods: Sequence[Codemod], files: Mapping[str, str]) -> Migration:
    migration = Migration({path: Source(path, text.encode()) for path, text in files.items()})
    migration.apply(codemods, release="this release")
    return migration


def _text(migration: Migration, path: str) -> str:
    return migration.sources[path].code.decode()
