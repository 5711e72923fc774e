"""A command that is killed leaves a project that the next one finds as it was, or brings to where it should be."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

import commands
from gold_slice import merge, pending
from living.kills import SCENES, scene, series
from living.matrix import Shelf
from living.project import MODULES, run, snapshot_of, twin
from support import commit, git, release, replace


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    ("name", "whole_group"),
    [
        ("add", True),
        ("remove", False),
        ("update", True),
        ("update, with a conflict", True),
        ("update --continue", False),
    ],
)
def test_a_killed_command_leaves_no_mixture(
    shelf: Shelf, tags: list[str], tmp_path: Path, *, name: str, whole_group: bool
) -> None:
    project = shelf.project(tags[-2], MODULES[:2])

    toll = series(scene(name, project, tmp_path), tmp_path, kills=1, whole_group=whole_group, seed=5)

    assert name in SCENES
    assert toll.faults == []


def test_of_two_commands_at_once_the_second_is_refused(shelf: Shelf, tags: list[str], tmp_path: Path) -> None:
    project = twin(shelf.project(tags[-2], MODULES[:2]), tmp_path / "project")
    before = snapshot_of(project)

    with FileLock(project / ".git/gold-slice/top/lock"):
        endings = [
            run(project, *words) for words in (("generate", "ops", "two"), ("update",), ("remove", "crm"), ("doctor",))
        ]

    assert [ending.status for ending in endings] == [1] * 4
    assert all("Another command is running in this project. Wait" in ending.complaint for ending in endings)
    assert snapshot_of(project) == before


@pytest.fixture
def newer_release(releases: Path) -> str:
    """A release that changes a launcher and the host's main file."""
    replace(releases / "template/src/cos_main.py", "The entry", "Their entry")
    launcher = releases / "template/scripts/launcher.py"
    launcher.write_text(launcher.read_text() + "# Newer.\n")
    release(releases, "v0.2.0")
    return "v0.2.0"


@pytest.mark.parametrize("options", [(), ("--no-commit",)], ids=["landing", "staging"])
def test_an_update_that_is_killed_leaves_launchers_whole_and_is_completed(
    living: Path, newer_release: str, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Without a launcher, or the release in the answers file, no command starts."""
    real = pending._put

    def killed_by_the_last_file(source: Path, target: Path) -> None:
        if target.name == "cos_main.py":
            (living / ".git/index.lock").touch()
            raise KilledError
        real(source, target)

    monkeypatch.setattr(pending, "PATIENCE_S", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr(pending, "_put", killed_by_the_last_file)
        with pytest.raises(KilledError):
            commands.run(living, "update", *options)

    assert (living / "scripts/launcher.py").read_text().endswith("# Newer.\n")
    assert newer_release in (living / ".copier-answers.yml").read_text()
    assert commands.run(living, "doctor", "--fix").status == 0
    assert "Their entry" in (living / "src/cos_main.py").read_text()
    assert {line[:2] for line in git(living, "status", "--porcelain").splitlines()} == ({"M "} if options else set())


@pytest.mark.usefixtures("newer_release")
@pytest.mark.parametrize("next_command", [("doctor", "--fix"), ("generate", "ops", "pem")], ids=lambda words: words[0])
def test_an_update_that_landed_before_a_kill_no_longer_waits(
    living: Path, monkeypatch: pytest.MonkeyPatch, next_command: tuple[str, ...]
) -> None:
    replace(living / "src/cos_main.py", "The entry", "Our entry")
    commit(living, "edited")
    assert commands.run(living, "update").status == 3
    laid_out = living / ".dev/update/src/cos_main.py"
    shutil.copy(living / "src/cos_main.py", laid_out)
    git(laid_out.parent, "add", laid_out.name)

    def end_of_the_process(_tree: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(merge.WorkTree, "remove", end_of_the_process)
        with pytest.raises(KilledError):
            commands.run(living, "update", "--continue")

    assert commands.run(living, *next_command).status == 0

    assert commands.run(living, "doctor").output == "No findings.\n"
    assert not laid_out.parent.exists()
    assert git(living, "worktree", "list").count("\n") == 1
