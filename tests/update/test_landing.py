"""An update that was killed while files changed is completed by the next command, unless a file was edited since."""

import json
import os
import signal
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from commands import run
from gold_slice import pending
from gold_slice.git import git as git_of_commands
from gold_slice.project import find_project
from scenes import ADDED, DROPPED, HEALTH, head, state
from support import HOST, git


@dataclass(frozen=True)
class Place:
    """A call of a function in `pending`, of those with the word among the arguments, and the locks that git leaves."""

    function: str
    word: str = ""
    call: int = 0
    locks: tuple[str, ...] = ()


BEFORE_FILES = Place("_put")
AMONG_FILES = Place("_put", call=2)
BEFORE_INDEX = Place("git", "read-tree", locks=("index.lock",))
BEFORE_BRANCH = Place("git", "update-ref", locks=("HEAD.lock", "refs/heads/main.lock"))
BEFORE_THE_END = Place("_end")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "PATIENCE_S", 0.1)


def killed_while_it_lands(project: Path, place: Place) -> None:
    """Update the host, and be killed when a part of the work is done."""
    child = os.fork()
    if child == 0:
        real, calls = getattr(pending, place.function), count()

        def killed(*arguments: Any, **options: Any) -> Any:
            if (not place.word or place.word in arguments) and next(calls) == place.call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        pytest.MonkeyPatch().setattr(pending, place.function, killed)
        run(project, "update", "host")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    for lock in place.locks:
        (project / ".git" / lock).touch()


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
    ("place", "command"),
    [
        (BEFORE_FILES, ("doctor", "--fix")),
        (AMONG_FILES, ("update", "host")),
        (BEFORE_INDEX, ("doctor", "--fix")),
        (BEFORE_BRANCH, ("update", "host")),
        (BEFORE_THE_END, ("doctor", "--fix")),
    ],
)
def test_the_next_command_completes_it(living: Path, released: Path, place: Place, command: tuple[str, ...]) -> None:
    assert released.exists()
    before = head(living)
    killed_while_it_lands(living, place)

    assert "GS101" in run(living, "doctor", "--json").codes
    refused = run(living, "update", "--preview")
    assert refused.status == 1
    assert "`uv run python scripts/doctor.py --fix` completes it first" in refused.complaint
    run(living, *command)

    assert is_updated(living, before)


def test_a_file_that_was_edited_since_is_named_and_nothing_is_done(living: Path, released: Path) -> None:
    assert released.exists()
    before = head(living)
    killed_while_it_lands(living, BEFORE_BRANCH)
    (living / HEALTH).write_text("mine = 1\n")
    (living / DROPPED).parent.mkdir(exist_ok=True)
    (living / DROPPED).write_text("mine\n")
    left = state(living)

    ending = run(living, "doctor", "--fix")

    assert ending.status == 1
    assert f"{HEALTH} was edited after `update` was interrupted, which still has to change it." in ending.complaint
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
    killed_while_it_lands(living, BEFORE_INDEX)

    run(living, "doctor", "--fix")

    assert git(living, "rev-parse", "HEAD^").strip() == before
    assert git(living, "status", "--porcelain").splitlines() == [" M README.md", "A  staged.txt"]


def test_a_branch_that_moved_since_is_told_and_nothing_is_done(living: Path, released: Path) -> None:
    assert released.exists()
    before = head(living)
    killed_while_it_lands(living, BEFORE_FILES)
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

    def failing(folder: Path, *arguments: str, **options: Any) -> str:
        return git_of_commands(folder, *(("no-space",) if "update-ref" in arguments else arguments), **options)

    monkeypatch.setattr(pending, "git", failing)
    ending = run(living, "update", "host")
    monkeypatch.undo()

    assert ending.status == 1
    assert "The change has begun and is not complete: `uv run python scripts/doctor.py --fix`" in ending.complaint
    assert "Nothing was changed" not in ending.complaint
    assert json.loads((find_project(living).state / "pending/plan.json").read_text())["old"] == before
    run(living, "doctor", "--fix")
    assert is_updated(living, before)
