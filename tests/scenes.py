"""What the tests of updates do to templates and projects."""

from pathlib import Path

import pytest

from support import git, release, replace

MAIN, HEALTH, REGISTRY, DROPPED, ADDED = (
    "src/cos_main.py", "src/health.py", "src/graph/registry.py", "docs/http_errors.md", "notes/a.md",
)  # fmt: skip
CRUD, DEPS = "src/backend/{{ module }}/crud.py", "src/backend/{{ module }}/deps.py"
WAITING = ".dev/update"


def make_second_release(template: Path) -> None:
    """Change, add and drop files of the host, and change one of every module."""
    replace(template / "template" / HEALTH, '"""', '"""New: ')
    replace(template / "template" / MAIN, '"""', '"""New: ')
    replace(template / "template" / CRUD, '"""', '"""New: ')
    (template / "template" / ADDED).parent.mkdir()
    (template / "template" / ADDED).write_text("new\n")
    (template / "template" / DROPPED).unlink()
    release(template, "v0.2.0")


def head(project: Path) -> str:
    """Return the commit that a project is on."""
    return git(project, "rev-parse", "HEAD").strip()


def state(project: Path) -> tuple[str, str, dict[str, bytes]]:
    """Return everything that a refused command must leave as it is: commit, index and files."""
    skipped = {".git", ".dev"}
    files = {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and path.relative_to(project).parts[0] not in skipped
    }
    return head(project), git(project, "ls-files", "--stage", "-v"), files


def settle(file: Path, side: str) -> None:
    """Settle the conflicts in a file by taking one side, `ours` or `theirs`."""
    taken, part = [], "both"
    for line in file.read_text().splitlines(keepends=True):
        mark = line[:7]
        if mark in ("<<<<<<<", "|||||||", "=======", ">>>>>>>"):
            part = {"<<<<<<<": "ours", "|||||||": "base", "=======": "theirs", ">>>>>>>": "both"}[mark]
        elif part in (side, "both"):
            taken.append(line)
    file.write_text("".join(taken))


def configure(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Set what a user's own ~/.gitconfig would."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key.replace("_", "."))
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)


def write_hook(project: Path, name: str, script: str) -> None:
    """Write a hook of git."""
    hook = project / ".git/hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
