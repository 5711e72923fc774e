"""What the author of a template tests it with: its codemods, and the modules that it makes."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from packaging.version import Version

from . import trust
from .answers import Module
from .cli import main
from .codemods import Codemod, Place, Renamed, Source
from .codemods.codemod import belongs_to_modules
from .codemods.run import FOLDER, Migration, codemods_of, migrate
from .git import TEMPORARY, git, git_path, try_git
from .names import DOMAIN_LENGTH, MODULE_LENGTH
from .releases import latest, notes_between

LONGEST_NAMES = ("d" * DOMAIN_LENGTH, "m" * MODULE_LENGTH)
ENVIRONMENTS = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH")  # of another environment than the project's


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
    assert written, "a person has to look at all files"
    for path in written:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(migration.sources[path].code)
    command = [str(python), "-m", "mypy", "--no-error-summary", *written]
    told = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False).stdout
    wrong = [line for line in told.splitlines() if line.partition(":")[0] in written and ": error: " in line]
    assert not wrong, "\n".join(wrong)


def check_module_template(template: Path, *, project: Path, scratch: Path) -> None:
    """Assert that a template makes modules of a project, which is committed and stays as it is.

    A module is added under the shortest and the longest names and removed again, which leaves no trace; and it is
    updated from each release to the files in the folder as they are, committed or not. `scratch` is an empty folder.
    """
    _check_codemods_name_modules(template)
    template, tags = _released(template, scratch)
    with _trusting():
        for domain, module in (("d", "m"), LONGEST_NAMES):
            copy = _copy_of(project, scratch)
            run_command(copy, "add", domain, module, "--from", f"{template}@{tags[-1]}")
            run_command(copy, "doctor")
            run_command(copy, "remove", module)
            _check_unchanged(copy)
        for tag in tags:
            copy = _copy_of(project, scratch)
            run_command(copy, "add", "d", "m", "--from", f"{template}@{tag}")
            _commit(copy, "a module")
            run_command(copy, "update", "m", "--no-commit")
            run_command(copy, "doctor")


def check_module_in_project(template: Path, *, project: Path, scratch: Path) -> None:
    """Assert that a module passes the gates of a project, and its own tests, on a real PostgreSQL.

    The project is installed for that (`uv sync`). The module has the longest names, and is removed in the end.
    """
    template, _ = _released(template, scratch)
    module = Module(*LONGEST_NAMES)
    with _trusting():
        run_command(project, "add", module.domain, module.name, "--from", str(template))
        try:
            check_gates(project, module)
        finally:
            run_command(project, "remove", module.name, "--force")
    _check_unchanged(project)


def check_gates(project: Path, module: Module) -> None:
    """Assert that a module of a project passes the linters, the type checker and its own tests."""
    folders = [folder for folder in module.folders if (project / folder).exists()]
    tests = [folder for folder in folders if folder.startswith("tests/")]
    environment = {key: value for key, value in os.environ.items() if key not in ENVIRONMENTS}
    for gate in (
        ["ruff", "check", *folders],
        ["ruff", "format", "--check", *folders],
        ["mypy", *folders],
        ["lint-imports", "--no-logo"],
        ["pytest", "--no-cov", "-q", *tests],
    ):
        command = ["uv", "run", "--quiet", *gate]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(gate)}:\n{done.stdout}{done.stderr}"


@contextmanager
def spawned_project() -> Iterator[Path]:
    """Yield a committed project of the release of gold slice that is installed here; it is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="project-") as scratch:
        folder = Path(scratch, "project")
        assert main(["new", str(folder), "--defaults"]) == 0
        git(folder, "init", "--quiet")
        _commit(folder, "spawned")
        yield folder


def run_command(project: Path, *command: str) -> None:
    """Run a command of gold slice on a project, and assert that it succeeds."""
    status = main([command[0], "--project", str(project), *command[1:]])
    assert status == 0, f"{' '.join(command)} ended with {status}"


def _check_codemods_name_modules(template: Path) -> None:
    """Assert that a template's codemods are for its modules; others belong to the host, and would not run."""
    for file in sorted((template / FOLDER).glob("v[0-9]*.py")):
        foreign = [
            each.why for each in codemods_of(template, file.stem.replace("_", ".")) if not belongs_to_modules(each)
        ]
        assert not foreign, f"{file.name}: {foreign[0]}: the codemod names no {{module}}, so it would not run"


def _released(template: Path, scratch: Path) -> tuple[Path, list[str]]:
    """Return a copy of a template, and its releases, oldest first; what is newer than the last of them is one too."""
    copy = scratch / "template"
    shutil.rmtree(copy, ignore_errors=True)
    git(scratch, "clone", "--quiet", "--shared", "--no-checkout", str(template), str(copy))
    found = git(copy, "tag", "--list").split()
    tags = list(notes_between(dict.fromkeys(found, ""), after="v0.dev0", until=latest(found)))
    tree = _tree_of(template, scratch / "index")
    if git(copy, "diff-tree", tags[-1], tree):
        newest = Version(tags[-1])
        tip = git(copy, *TEMPORARY, "commit-tree", tree, "-p", tags[-1], "-m", "not released")
        tags.append(f"v{newest.major}.{newest.minor + 1}.0")
        git(copy, "tag", "--no-sign", tags[-1], tip.strip())
    return copy, tags


def _tree_of(template: Path, index: Path) -> str:
    """Return the tree of all files in a repository's folder but those that git ignores; its index stays as it is."""
    shutil.copy2(git_path(template, "index"), index)
    try_git(template, "add", "--all", index=index)
    return try_git(template, "write-tree", index=index).stdout.strip()


@contextmanager
def _trusting() -> Iterator[None]:
    """Trust each template, and do not remember it."""
    with patch.dict(os.environ, {"GOLD_SLICE_TRUST": "1"}), patch.object(trust, "record_trust"):
        yield


def _copy_of(project: Path, scratch: Path) -> Path:
    shutil.rmtree(scratch / "project", ignore_errors=True)
    return shutil.copytree(project, scratch / "project", symlinks=True)


def _commit(project: Path, message: str) -> None:
    git(project, *TEMPORARY, "add", "--all")
    git(project, *TEMPORARY, "commit", "--quiet", "--message", message)


def _check_unchanged(project: Path) -> None:
    assert not git(project, "status", "--porcelain"), "adding and removing a module leaves traces"


def _applied(codemods: Sequence[Codemod], files: Mapping[str, str]) -> Migration:
    migration = Migration({path: Source(path, text.encode()) for path, text in files.items()})
    migration.apply(codemods, release="this release")
    return migration


def _text(migration: Migration, path: str) -> str:
    return migration.sources[path].code.decode()
