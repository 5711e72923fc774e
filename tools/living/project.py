"""A project under git, made by a release's own files, and its commands as a user runs them."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULES = (("tech", "cc"), ("biz", "crm"), ("ops", "order_desk"))
SCRIPTS = {
    "generate": "generate_module.py",
    "update": "update_modules.py",
    "remove": "remove_module.py",
    "doctor": "doctor.py",
}
IDENTITY = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "nobody"), ("EMAIL", "nobody@localhost"))
}
UPDATE = ".dev/update"  # the work tree of an update that waits for a person
PROGRAM = """#!{python}
import sys

sys.path[0] = {release!r}

from gold_slice.cli import main

sys.exit(main())
"""

type Snapshot = dict[str, tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended, what it printed, and the seconds it took."""

    status: int
    output: str
    complaint: str
    took_s: float

    @property
    def document(self) -> dict[str, Any]:
        """What it printed as JSON."""
        document: dict[str, Any] = json.loads(self.output)
        return document


def environment() -> dict[str, str]:
    """Return a user's environment: no virtual environment, coverage or database of ours."""
    foreign = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
    own = {key: value for key, value in os.environ.items() if key not in foreign and not key.startswith("COV")}
    return own | IDENTITY


def keep_home_clean(folder: Path) -> None:
    """Let all commands keep their cache and their settings in this folder, from now on."""
    os.environ.update(GOLD_SLICE_CACHE=str(folder / "cache"), XDG_CONFIG_HOME=str(folder / "config"))


def provide_command(template: Path, release: str) -> None:
    """Put the command of a release where launchers look for it: its own files, run by this interpreter.

    An installation with uv takes seconds and 32 MB a release, for which this stands in.
    """
    key = hashlib.sha256(f"{template}@{release}".encode()).hexdigest()[:16]
    home = Path(os.environ["GOLD_SLICE_CACHE"], "commands", key)
    archive = subprocess.run(["git", "archive", release, "gold_slice"], cwd=template, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(home / "release", filter="data")
    program = home / "bin" / "gold-slice"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, release=str(home / "release")))
    program.chmod(0o755)


def command_line(project: Path, command: str, *arguments: str) -> list[str]:
    """Return how to run one of the project's own commands."""
    return [sys.executable, str(project / "scripts" / SCRIPTS[command]), *arguments]


def run(project: Path, command: str, *arguments: str, within: str = ".") -> Ending:
    """Run one of the project's own commands, in a folder within it."""
    started = time.perf_counter()
    done = subprocess.run(
        command_line(project, command, *arguments),
        cwd=project / within,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return Ending(done.returncode, done.stdout, done.stderr, time.perf_counter() - started)


def run_well(project: Path, command: str, *arguments: str, within: str = ".") -> Ending:
    """Run a command that must succeed."""
    ending = run(project, command, *arguments, within=within)
    assert ending.status == 0, f"{command} {arguments}: {ending}"
    return ending


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody without a name of their own, and return what it prints."""
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment(), check=True, capture_output=True, text=True
    ).stdout


def commit(folder: Path, message: str) -> None:
    """Commit everything there is."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", message)


def spawn(template: Path, folder: Path, *, release: str, modules: Sequence[tuple[str, str]] = MODULES[:1]) -> Path:
    """Make a committed project with those modules, by that release's own template and commands."""
    copy = [sys.executable, "-m", "copier", "copy", "--trust", "--defaults", "--quiet", f"--vcs-ref={release}"]
    subprocess.run([*copy, str(template), str(folder)], env=environment(), check=True)
    git(folder, "init", "--quiet")
    commit(folder, f"spawned from {release}")
    for domain, name in modules:
        if (domain, name) != MODULES[0]:
            run_well(folder, "generate", domain, name)
    if MODULES[0] not in modules:
        run_well(folder, "remove", MODULES[0][1])
    if git(folder, "status", "--porcelain"):
        commit(folder, "has its modules")
    return folder


def twin(project: Path, folder: Path) -> Path:
    """Copy a project with its history to a folder, in place of what is there; an update may wait in it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project, folder, symlinks=True)
    for link in (*folder.glob(".git/worktrees/*/gitdir"), folder / UPDATE / ".git"):
        if link.exists():
            link.write_text(link.read_text().replace(str(project), str(folder)))
    return folder


def snapshot_of(folder: Path) -> Snapshot:
    """Return mode and contents of every file, and every folder too, except git's own, `.dev` and byte code."""
    shot: Snapshot = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if name.parts[0] not in (".git", ".dev") and "__pycache__" not in name.parts:
            is_folder = path.is_dir() and not path.is_symlink()
            shot[f"{name}/" if is_folder else str(name)] = (
                path.lstat().st_mode & 0o777,
                b"" if is_folder else path.read_bytes(),
            )
    return shot
