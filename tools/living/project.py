"""A project under git, made by a release's own files, and its commands as a user runs them."""

import json
import os
import shutil
import subprocess
import sys
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
NOBODY = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")

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
    foreign = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE"}
    return {key: value for key, value in os.environ.items() if key not in foreign and not key.startswith("COV")}


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
        ["git", *NOBODY, *arguments], cwd=folder, env=environment(), check=True, capture_output=True, text=True
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
    """Copy a project with its history to a folder, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(project, folder, symlinks=True)


def snapshot_of(folder: Path) -> Snapshot:
    """Return mode and contents of every file, and every folder too, but for git's own and byte code."""
    shot: Snapshot = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if name.parts[0] != ".git" and "__pycache__" not in name.parts:
            is_folder = path.is_dir() and not path.is_symlink()
            shot[f"{name}/" if is_folder else str(name)] = (
                path.lstat().st_mode & 0o777,
                b"" if is_folder else path.read_bytes(),
            )
    return shot
