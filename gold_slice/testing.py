"""What the author of a template tests it with: its codemods, and the modules that it makes."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

from .cli import main
from .codemods import Codemod, Place, Renamed, Source
from .codemods.run import Migration, migrate
from .git import TEMPORARY, git
from .names import DOMAIN_LENGTH, MODULE_LENGTH
from .releases import latest, notes_between


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


def check_types(
    codemods: Sequence[Codemod], files: Mapping[str, str], *, project: Path, python: Path, scratch: Path
) -> None:
    """Assert that what codemods make of files has no fault for mypy in a project of the release itself.

    `files` are code as users have it before the release, by path; `python` is the project's interpreter, which has
    mypy, and `scratch` an empty folder. Files that a person has to look at are left out.
    """
    migration = _applied(codemods, files)
    named = {place.path for place in migration.told()}
    copy = shutil.copytree(project, scratch / "typed", symlinks=True, ignore=shutil.ignore_patterns(".venv", ".git"))
    written = [path for path in files if path not in named]
    for path in written:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(migration.sources[path].code)
    command = [str(python), "-m", "mypy", "--no-error-summary", *written]
    told = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False).stdout
    wrong = [line for line in told.splitlines() if line.partition(":")[0] in written and ": error: " in line]
    assert not wrong, "\n".join(wrong)
    assert written, "a person has to look at all files"


def check_module_template(template: Path, *, project: Path, scratch: Path) -> None:
    """Assert that a template makes modules of a project, which is committed and stays as it is.

    A module is added under the shortest and the longest names and removed again, which leaves no trace; and it is
    updated from each release to the latest. `scratch` is an empty folder.
    """
    tags = git(template, "tag", "--list").split()
    newest = latest(tags)
    with patch.dict(os.environ, {"GOLD_SLICE_TRUST": "1"}):
        for domain, module in (("d", "m"), ("d" * DOMAIN_LENGTH, "m" * MODULE_LENGTH)):
            copy = _copy_of(project, scratch)
            _run(copy, "add", domain, module, "--from", f"{template}@{newest}")
            _run(copy, "doctor")
            _run(copy, "remove", module)
            assert not git(copy, "status", "--porcelain"), f"adding and removing {domain}_{module} leaves traces"
        for tag in notes_between(dict.fromkeys(tags, ""), after="v0.0.0", until=newest):
            copy = _copy_of(project, scratch)
            _run(copy, "add", "d", "m", "--from", f"{template}@{tag}")
            git(copy, *TEMPORARY, "add", "--all")
            git(copy, *TEMPORARY, "commit", "--quiet", "--message", "a module")
            _run(copy, "update", "m", "--no-commit")
            _run(copy, "doctor")


def _copy_of(project: Path, scratch: Path) -> Path:
    shutil.rmtree(scratch / "project", ignore_errors=True)
    return shutil.copytree(project, scratch / "project", symlinks=True)


def _run(project: Path, *command: str) -> None:
    status = main([command[0], "--project", str(project), *command[1:]])
    assert status == 0, f"{' '.join(command)} ended with {status}"


def _applied(codemods: Sequence[Codemod], files: Mapping[str, str]) -> Migration:
    migration = Migration({path: Source(path, text.encode()) for path, text in files.items()})
    migration.apply(codemods, release="this release")
    return migration


def _text(migration: Migration, path: str) -> str:
    return migration.sources[path].code.decode()
