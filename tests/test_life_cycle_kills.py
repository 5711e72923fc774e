"""A command that is killed leaves a project that the next one finds as it was, or brings to where it should be."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import commands
from lifecycle import proposal
from living.kills import scene, series
from living.matrix import Shelf
from living.project import MODULES, command_line, environment, run, snapshot_of, twin
from support import commit, git, release, replace


class KilledError(BaseException):
    """Stands for the end of the process."""


def end_of_the_process(_project: object) -> None:
    raise KilledError


@pytest.mark.parametrize("whole_group", [False, True], ids=["itself", "its-group"])
@pytest.mark.parametrize(
    "command", [("generate", "ops", "pem"), ("update",), ("remove", "crm")], ids=lambda words: words[0]
)
def test_a_killed_command_leaves_no_mixture(
    shelf: Shelf, tags: list[str], tmp_path: Path, *, command: tuple[str, ...], whole_group: bool
) -> None:
    project = shelf.project(tags[-2], MODULES[:2])

    toll = series(scene(project, tmp_path, *command), tmp_path, kills=1, whole_group=whole_group, seed=5)

    assert toll.faults == []


def test_of_two_commands_at_once_the_second_is_refused(shelf: Shelf, tags: list[str], tmp_path: Path) -> None:
    project = twin(shelf.project(tags[-2], MODULES[:2]), tmp_path / "project")
    first = subprocess.Popen(
        command_line(project, "generate", "ops", "pem"), cwd=project, env=environment(), stdout=subprocess.DEVNULL
    )
    while not list((project / ".git/gold-slice/top").glob("drafts/*")):  # its folder for drafts, made under the lock
        time.sleep(0.001)
    os.kill(first.pid, signal.SIGSTOP)
    before = snapshot_of(project)

    endings = [
        run(project, *words) for words in (("generate", "ops", "two"), ("update",), ("remove", "crm"), ("doctor",))
    ]

    assert snapshot_of(project) == before
    assert [ending.status for ending in endings] == [1] * 4
    assert all("Another command is at work in this project. Wait" in ending.complaint for ending in endings)
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0
    assert (project / "src/backend/pem/models.py").exists()
    assert not (project / "src/backend/two").exists()


@pytest.mark.parametrize("next_command", [("doctor", "--fix"), ("generate", "ops", "pem")], ids=lambda words: words[0])
def test_an_update_that_landed_before_a_kill_no_longer_waits(
    living: Path, releases: Path, monkeypatch: pytest.MonkeyPatch, next_command: tuple[str, ...]
) -> None:
    replace(living / "src/cos_main.py", 'title="COS"', 'title="Ours"')
    commit(living, "edited")
    replace(releases / "template/src/cos_main.py", 'title="COS"', 'title="Theirs"')
    release(releases, "v0.2.0")
    assert commands.run(living, "update").status == 3
    laid_out = living / ".dev/update/src/cos_main.py"
    laid_out.write_text((living / "src/cos_main.py").read_text())
    git(laid_out.parent, "add", laid_out.name)
    with monkeypatch.context() as patch:
        patch.setattr(proposal, "drop", end_of_the_process)
        with pytest.raises(KilledError):
            commands.run(living, "update", "--continue")

    assert commands.run(living, *next_command).status == 0

    assert commands.run(living, "doctor").output == "All fits together.\n"
    assert not laid_out.parent.exists()
    assert git(living, "worktree", "list").count("\n") == 1
