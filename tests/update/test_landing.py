"""A fast-forward that was killed is completed by the next command, unless somebody edited a file since."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import run
from gold_slice import landing
from gold_slice.git import try_git
from gold_slice.project import find_project
from scenes import ADDED, DROPPED, HEALTH, head, state
from support import HOST, git

type Damage = Callable[[Path, str], object]  # project and the commit of the update


def nothing(project: Path, commit: str) -> None:
    """Leave everything as it was."""


def index_and_files(project: Path, commit: str) -> None:
    """Write index and files, and leave HEAD."""
    git(project, "status")  # it refreshes the index
    git(project, "read-tree", "-m", "-u", "HEAD", commit)


def files_under_a_lock(project: Path, commit: str) -> None:
    """Write the files, and leave index and HEAD, with a lock on the index."""
    index = (project / ".git/index").read_bytes()
    index_and_files(project, commit)
    (project / ".git/index.lock").write_bytes((project / ".git/index").read_bytes())
    (project / ".git/index").write_bytes(index)


def locked_head(project: Path, commit: str) -> None:
    """Write index and files, with locks on HEAD and the branch."""
    index_and_files(project, commit)
    (project / ".git/HEAD.lock").touch()
    (project / ".git/refs/heads/main.lock").touch()


def half_a_file(project: Path, commit: str) -> None:
    """Write the first half of one file, and delete another one."""
    text = git(project, "show", f"{commit}:{HEALTH}")
    (project / HEALTH).write_text(text[: len(text) // 2])
    (project / DROPPED).unlink()
    (project / ".git/index.lock").touch()


def everything(project: Path, commit: str) -> None:
    """Do all of it, and leave the note."""
    git(project, "merge", "--quiet", "--ff-only", commit)


def killed_while_it_lands(project: Path, damage: Damage) -> None:
    """Update the host, and be killed when git has done a part of its work."""
    child = os.fork()
    if child == 0:

        def killed(folder: Path, *arguments: str, stdin: str = "") -> object:
            if "merge" in arguments:
                damage(project, arguments[-1])
                os.kill(os.getpid(), signal.SIGKILL)
            return try_git(folder, *arguments, stdin=stdin)

        pytest.MonkeyPatch().setattr(landing, "try_git", killed)
        run(project, "update", "host")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def is_updated(project: Path, before: str) -> bool:
    """Return whether the update is complete, and nothing of it is left behind."""
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "rev-parse", "HEAD^").strip() == before
    assert not [*(project / ".git").rglob("*.lock")]
    assert not (project / DROPPED).exists()
    assert not (project / ".dev/update").exists()
    assert git(project, "worktree", "list").count("\n") == 1
    return "_commit: v0.2.0" in (project / HOST).read_text() and (project / ADDED).exists()


@pytest.mark.parametrize(
    ("damage", "command"),
    [
        (nothing, ("doctor", "--fix")),
        (index_and_files, ("update", "host")),
        (files_under_a_lock, ("doctor", "--fix")),
        (locked_head, ("doctor", "--fix")),
        (half_a_file, ("update", "host")),
        (everything, ("doctor", "--fix")),
    ],
)
def test_the_next_command_completes_it(living: Path, released: Path, damage: Damage, command: tuple[str, ...]) -> None:
    assert released.exists()
    before = head(living)
    killed_while_it_lands(living, damage)

    assert "GS101" in run(living, "doctor", "--json").codes
    refused = run(living, "update", "--preview")
    assert refused.status == 1
    assert "`uv run python scripts/doctor.py --fix` completes it first" in refused.complaint
    run(living, *command)

    assert is_updated(living, before)


def test_a_file_that_was_edited_since_is_named_and_nothing_is_done(living: Path, released: Path) -> None:
    assert released.exists()
    before = head(living)
    killed_while_it_lands(living, index_and_files)
    (living / HEALTH).write_text("mine = 1\n")
    (living / DROPPED).parent.mkdir()
    (living / DROPPED).write_text("mine\n")
    left = state(living)

    ending = run(living, "doctor", "--fix")

    assert ending.status == 1
    assert f"{HEALTH} was edited after the update was interrupted. Move it away, and try again." in ending.complaint
    assert DROPPED in ending.complaint
    assert state(living) == left
    for name in (HEALTH, DROPPED):
        (living / name).rename(living / ".git" / Path(name).name)
    run(living, "doctor", "--fix")
    assert is_updated(living, before)


def test_other_work_of_the_user_stays_when_it_is_completed(living: Path, released: Path) -> None:
    assert released.exists()
    before = head(living)
    (living / "README.md").write_text("mine\n")
    (living / "staged.txt").write_text("mine\n")
    git(living, "add", "staged.txt")
    killed_while_it_lands(living, files_under_a_lock)

    run(living, "doctor", "--fix")

    assert git(living, "rev-parse", "HEAD^").strip() == before
    assert git(living, "status", "--porcelain").splitlines() == [" M README.md", "A  staged.txt"]


def test_a_branch_that_moved_since_is_told_and_nothing_is_done(living: Path, released: Path) -> None:
    assert released.exists()
    before = head(living)
    killed_while_it_lands(living, nothing)
    git(living, "commit", "--quiet", "--allow-empty", "--message", "moved")
    left = state(living)

    ending = run(living, "doctor", "--fix")

    assert ending.status == 1
    assert f"git reset --soft {before[:12]}" in ending.complaint
    assert state(living) == left
    git(living, "reset", "--soft", before[:12])
    run(living, "doctor", "--fix")
    assert is_updated(living, before)


def test_a_git_that_fails_half_way_is_completed_by_the_next_command(
    living: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.exists()
    before = head(living)

    def failing(folder: Path, *arguments: str, stdin: str = "") -> object:
        if "merge" in arguments:
            half_a_file(living, arguments[-1])
            return try_git(folder, "no-space-left-on-device")
        return try_git(folder, *arguments, stdin=stdin)

    monkeypatch.setattr(landing, "try_git", failing)
    ending = run(living, "update", "host")
    monkeypatch.undo()

    assert ending.status == 1
    assert "The change has begun and is not complete: `uv run python scripts/doctor.py --fix`" in ending.complaint
    assert "Nothing was changed" not in ending.complaint
    assert json.loads((find_project(living).state / "landing.json").read_text())["old"] == before
    run(living, "doctor", "--fix")
    assert is_updated(living, before)
