"""A command that is killed leaves a project that the next one finds as it was, or brings to where it should be."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from living.kills import scene, series
from living.matrix import Shelf
from living.project import MODULES, command_line, environment, run, snapshot_of, twin


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
