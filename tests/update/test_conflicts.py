"""Where git cannot merge, the update waits in .dev/update until a person settles it."""

import shutil
from pathlib import Path

import pytest

from commands import Ending, run
from scenes import ADDED, HEALTH, MAIN, WAITING, head, settle, state
from support import CC, HOST, commit, git, release, replace


@pytest.fixture
def waiting(living: Path, released: Path) -> Path:
    """A project in which an update of the host waits, because user and release changed the same line."""
    assert released.exists()
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")
    assert run(living, "update", "host").status == 3
    return living


def landed(project: Path, ending: Ending) -> bool:
    """Return whether an update of the host landed, with nothing left behind."""
    assert ending.status == 0, ending.complaint
    assert not (project / WAITING).exists()
    assert git(project, "worktree", "list").count("\n") == 1
    assert git(project, "status", "--porcelain") == ""
    return "_commit: v0.2.0" in (project / HOST).read_text() and (project / ADDED).exists()


def test_a_conflict_changes_nothing_in_the_project(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")
    before = state(living)

    preview = run(living, "update", "--preview", "--json")
    ending = run(living, "update", "--json")

    assert preview.status == ending.status == 3
    assert preview.paths("conflict") == ending.paths("conflict") == [MAIN]
    assert state(living) == before
    assert git(living, "status", "--porcelain") == ""
    unsettled = (living / WAITING / MAIN).read_text()
    assert "<<<<<<< HEAD\n" in unsettled
    assert "gold slice v0.2.0: host" in unsettled
    assert '    "src.backend.cc",\n    "src.backend.crm",\n]' in unsettled
    assert git(living / WAITING, "status", "--porcelain", MAIN).startswith("UU")
    assert run(living, "doctor", "--json").codes == ["GS102"]
    assert "waits in .dev/update" in run(living, "update").complaint
    assert run(living, "update", "--preview").status == 3


def test_a_settled_conflict_lands_by_continue(waiting: Path) -> None:
    refused = run(waiting, "update", "--continue")
    settle(waiting / WAITING / MAIN, "ours")
    ending = run(waiting, "update", "--continue")

    assert refused.status == 1
    assert f".dev/update/{MAIN} still has a conflict" in refused.complaint
    assert landed(waiting, ending)
    assert '"""Ours: ' in (waiting / MAIN).read_text()
    assert run(waiting, "doctor", "--json").codes == ["GS203", "GS203"]


def test_an_update_that_waits_can_be_abandoned(waiting: Path) -> None:
    before = state(waiting)

    assert run(waiting, "update", "--abandon").status == 0

    assert state(waiting) == before
    assert not (waiting / WAITING).exists()
    assert git(waiting, "worktree", "list").count("\n") == 1
    assert "No update waits" in run(waiting, "update", "--continue").complaint
    assert "No update waits" in run(waiting, "update", "--abandon").complaint


def test_two_conflicts_in_different_parts_are_settled_one_after_the_other(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / MAIN, '"""', '"""Ours: ')
    replace(living / "src/backend/cc/crud.py", '"""', '"""Ours: ')
    commit(living, "edited")
    assert run(living, "update", "--preview", "--json").paths("conflict") == [MAIN, "src/backend/cc/crud.py"]
    assert f"settle .dev/update/{MAIN}" in run(living, "update", "--json").document["next"][0]

    settle(living / WAITING / MAIN, "theirs")
    second = run(living, "update", "--continue")
    assert second.status == 3
    assert ".dev/update/src/backend/cc/crud.py" in second.output
    settle(living / WAITING / "src/backend/cc/crud.py", "ours")
    ending = run(living, "update", "--continue")

    assert landed(living, ending)
    assert '"""Ours: ' in (living / "src/backend/cc/crud.py").read_text()
    assert '"""New: ' in (living / MAIN).read_text()
    assert "_commit: v0.2.0" in (living / CC).read_text()


def test_commits_made_while_it_waits_stay_and_the_update_is_put_on_top(waiting: Path) -> None:
    (waiting / "ours.txt").touch()
    replace(waiting / HEALTH, "router = ", "OURS = 1\nrouter = ")
    commit(waiting, "went on")
    mine = head(waiting)
    settle(waiting / WAITING / MAIN, "ours")

    ending = run(waiting, "update", "--continue")

    assert landed(waiting, ending)
    assert git(waiting, "rev-parse", "HEAD^").strip() == mine
    assert git(waiting, "log", "-1", "--format=%an %cn").strip() == "Ada Ada"
    assert (waiting / "ours.txt").exists()
    assert "OURS = 1" in (waiting / HEALTH).read_text()
    assert '"""New: ' in (waiting / HEALTH).read_text()


def test_a_commit_made_while_it_waits_may_conflict_too(waiting: Path) -> None:
    replace(waiting / HEALTH, '"""', '"""Ours: ')
    commit(waiting, "went on")
    settle(waiting / WAITING / MAIN, "ours")

    again = run(waiting, "update", "--continue")
    assert again.status == 3
    assert f".dev/update/{HEALTH}" in again.output
    settle(waiting / WAITING / HEALTH, "ours")

    assert landed(waiting, run(waiting, "update", "--continue"))
    assert '"""Ours: ' in (waiting / HEALTH).read_text()
    assert '"""Ours: ' in (waiting / MAIN).read_text()


def test_a_persons_own_continue_of_the_cherry_pick_is_accepted(waiting: Path) -> None:
    settle(waiting / WAITING / MAIN, "theirs")
    git(waiting / WAITING, "add", MAIN)
    git(waiting / WAITING, "-c", "core.editor=true", "cherry-pick", "--continue")

    assert landed(waiting, run(waiting, "update", "--continue"))
    assert '"""New: ' in (waiting / MAIN).read_text()


def test_a_persons_own_commit_is_accepted(waiting: Path) -> None:
    settle(waiting / WAITING / MAIN, "theirs")
    git(waiting / WAITING, "commit", "--quiet", "-am", "settled")

    assert landed(waiting, run(waiting, "update", "--continue"))


@pytest.mark.parametrize("ending", ["--abort", "--skip", "--quit"])
def test_a_merge_that_a_person_ended_does_not_land_as_if_it_were_whole(waiting: Path, ending: str) -> None:
    if ending == "--quit":
        git(waiting / WAITING, "reset", "--quiet", "--hard")
    git(waiting / WAITING, "cherry-pick", ending)
    before = state(waiting)

    refused = run(waiting, "update", "--continue")

    assert refused.status == 1
    assert "is not at v0.2.0 in .dev/update: the merge was aborted or skipped" in refused.complaint
    assert state(waiting) == before
    assert run(waiting, "update", "--abandon").status == 0
    assert run(waiting, "update", "host").status == 3


def test_conflict_markers_that_were_committed_are_found(waiting: Path) -> None:
    git(waiting / WAITING, "commit", "--quiet", "--all", "--message", "settled, or not")

    ending = run(waiting, "update", "--continue")

    assert ending.status == 1
    assert f".dev/update/{MAIN} still has a conflict" in ending.complaint


def test_a_conflict_between_binary_files_is_settled_by_git_add(living: Path, releases: Path) -> None:
    (living / "docs/ours.bin").write_bytes(b"\0ours")
    commit(living, "added")
    (releases / "template/docs/ours.bin").write_bytes(b"\0theirs")
    release(releases, "v0.2.0")
    assert run(living, "update", "host").status == 3

    refused = run(living, "update", "--continue")
    (living / WAITING / "docs/ours.bin").write_bytes(b"\0both")
    git(living / WAITING, "add", "docs/ours.bin")

    assert refused.status == 1
    assert run(living, "update", "--continue").status == 0
    assert (living / "docs/ours.bin").read_bytes() == b"\0both"


def test_a_file_in_the_way_of_a_settled_update_keeps_it_waiting(waiting: Path) -> None:
    settle(waiting / WAITING / MAIN, "ours")
    (waiting / ADDED).parent.mkdir()
    (waiting / ADDED).write_text("mine\n")
    before = state(waiting)

    refused = run(waiting, "update", "--continue")

    assert refused.status == 1
    assert ADDED in refused.complaint
    assert state(waiting) == before
    (waiting / ADDED).unlink()
    assert landed(waiting, run(waiting, "update", "--continue"))


def test_an_update_whose_folder_is_gone_can_be_abandoned(waiting: Path) -> None:
    inside = run(waiting / WAITING, "update", "--continue")
    shutil.rmtree(waiting / WAITING)

    ending = run(waiting, "update", "--continue")

    assert inside.status == 1
    assert "You are in the work tree of the update" in inside.complaint
    assert ending.status == 1
    assert ".dev/update is gone" in ending.complaint
    assert run(waiting, "update", "--abandon").status == 0
    assert run(waiting, "update", "host").status == 3


def test_a_linked_work_tree_that_is_not_mounted_keeps_its_staged_work(
    living: Path, released: Path, tmp_path: Path
) -> None:
    assert released.exists()
    linked, elsewhere = tmp_path / "linked", tmp_path / "elsewhere"
    git(living, "worktree", "add", "--quiet", str(linked))
    (linked / "staged.txt").write_text("precious\n")
    git(linked, "add", "staged.txt")
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")
    linked.rename(elsewhere)

    assert run(living, "update", "host").status == 3
    assert run(living, "update", "--abandon").status == 0
    assert run(living, "update", "host").status == 3
    settle(living / WAITING / MAIN, "ours")
    assert run(living, "update", "--continue").status == 0

    elsewhere.rename(linked)
    assert git(linked, "status", "--porcelain") == "A  staged.txt\n"


def test_a_project_that_no_longer_hides_dev_is_not_littered(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / ".gitignore", ".dev/\n", "")
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")

    assert run(living, "update", "host").status == 3

    assert git(living, "status", "--porcelain") == ""


def test_a_settled_update_can_be_left_staged(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")
    before = head(living)
    assert run(living, "update", "host", "--no-commit").status == 3
    settle(living / WAITING / MAIN, "ours")

    assert run(living, "update", "--continue").status == 0

    assert head(living) == before
    assert f"A  {ADDED}" in git(living, "status", "--porcelain")


def test_after_a_conflict_what_is_asked_before_a_deploy_is_said_at_the_end(living: Path, released: Path) -> None:
    (released / "releases.yml").write_text("v0.2.0:\n  steps: [Run the purge once.]\n")
    release(released, "v0.2.1")
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")
    assert run(living, "update", "host").status == 3
    settle(living / WAITING / MAIN, "ours")

    assert "v0.2.0: step: Run the purge once." in run(living, "update", "--continue").output
