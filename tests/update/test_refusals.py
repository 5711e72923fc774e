"""What an update cannot do is refused with every reason at once, and then nothing changes."""

from pathlib import Path

import pytest

from commands import run
from scenes import ADDED, HEALTH, MAIN, WAITING, configure, state, write_hook
from support import CC, CRM, HOST, commit, git, release, replace


def test_without_git_it_says_what_to_do(project: Path) -> None:
    ending = run(project, "update")

    assert ending.status == 1
    assert "git init && git add -A && git commit" in ending.complaint


def test_everything_in_the_way_of_a_start_is_told_at_once(living: Path) -> None:
    replace(living / CRM, "_commit: v0.1.0\n", "")
    (living / ".copier-answers.biz_shop.yml").write_text("scope: module\n")
    (living / HOST).write_text("[]\n")
    git(living, "checkout", "--quiet", "-b", "topic")
    (living / ".git/MERGE_HEAD").write_text(git(living, "rev-parse", "HEAD"))

    problems = run(living, "update", "--json", "--set", "x").document["problems"]
    unknown = run(living, "update", "nope", "crm")

    expected = (f"{CRM} names no release", ".copier-answers.biz_shop.yml: ", f"{HOST}: ", "A merge is", "--set x: ")
    assert len(problems) == len(expected)
    assert all(any(problem.startswith(part) for problem in problems) for part in expected)
    assert "There is no module nope" in unknown.complaint


@pytest.mark.parametrize("operation", ["merge", "cherry-pick", "revert", "rebase"])
def test_a_git_operation_that_waits_for_a_person_is_to_be_finished_first(
    living: Path, released: Path, operation: str
) -> None:
    assert released.exists()
    git(living, "checkout", "--quiet", "-b", "topic")
    replace(living / HEALTH, '"""', '"""Topic: ')
    commit(living, "topic")
    git(living, "checkout", "--quiet", "main")
    replace(living / HEALTH, '"""', '"""Main: ')
    commit(living, "main")
    replace(living / HEALTH, '"""Main: ', '"""Main again: ')
    commit(living, "main again")
    with pytest.raises(Exception, match="status 1"):
        git(living, operation, "HEAD~1" if operation == "revert" else "topic")
    before = state(living)

    ending = run(living, "update")

    assert ending.status == 1
    assert f"A {operation} is in progress in this repository. Finish or abort it first." in ending.complaint
    assert state(living) == before


def test_files_in_the_way_are_refused_with_gits_words(living: Path, released: Path) -> None:
    assert released.exists()
    (living / "notes").mkdir()
    (living / ADDED).write_text("precious\n")
    before = state(living)
    untracked = run(living, "update", "host")
    assert state(living) == before
    (living / HEALTH).write_text("OURS = 1\n")
    both = run(living, "update", "host")
    (living / ADDED).unlink()
    before = state(living)
    dirty = run(living, "update", "host")

    assert untracked.status == dirty.status == 1
    assert f"Untracked working tree file '{ADDED}' would be overwritten by merge" in untracked.complaint
    assert f"Entry '{HEALTH}' not uptodate. Cannot merge." in dirty.complaint
    for name in (ADDED, HEALTH):
        assert f"{name} is not committed. Commit it, or move it away." in both.complaint
    assert "Nothing was changed." in dirty.complaint
    assert state(living) == before
    assert not (living / WAITING).exists()


@pytest.mark.parametrize("name", [HEALTH, ADDED])
def test_without_a_commit_a_file_in_the_way_is_refused_too(living: Path, released: Path, name: str) -> None:
    assert released.exists()
    (living / name).parent.mkdir(exist_ok=True)
    (living / name).write_text("OURS = 1\n")
    before = state(living)

    ending = run(living, "update", "host", "--no-commit")

    assert ending.status == 1
    assert name in ending.complaint
    assert state(living) == before


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_an_edit_that_git_was_told_to_overlook_survives(living: Path, released: Path, flag: str) -> None:
    assert released.exists()
    git(living, "update-index", flag, HEALTH)
    (living / HEALTH).write_text("mine = 1\n")

    run(living, "update", "host")

    assert (living / HEALTH).read_text() == "mine = 1\n"


@pytest.mark.parametrize("is_staged", [True, False])
def test_a_lock_of_git_is_refused(living: Path, released: Path, *, is_staged: bool) -> None:
    assert released.exists()
    before = state(living)
    (living / ".git/index.lock").touch()

    ending = run(living, "update", "host", *(["--no-commit"] if is_staged else []))

    assert ending.status == 1
    assert "index.lock: File exists" in ending.complaint
    assert "Nothing was changed." in ending.complaint
    assert (living / ".git/index.lock").exists()
    assert state(living) == before


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_not_committed_where_the_release_has_a_folder_stays(
    living: Path, released: Path, tmp_path: Path, *, kind: str
) -> None:
    assert released.exists()
    (tmp_path / "elsewhere").mkdir()
    if kind == "file":
        (living / "notes").write_text("precious\n")
    else:
        (living / "notes").symlink_to(tmp_path / "elsewhere")
    before = state(living), git(living, "status", "--porcelain")

    ending = run(living, "update", "host")

    assert ending.status == 1
    assert "notes" in ending.complaint
    assert (state(living), git(living, "status", "--porcelain")) == before
    assert not (tmp_path / "elsewhere/a.md").exists()


def test_a_committed_file_where_the_release_has_a_folder_is_a_conflict(living: Path, released: Path) -> None:
    assert released.exists()
    (living / "notes").write_text("precious\n")
    commit(living, "notes of ours")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 3
    assert any("notes" in path for path in ending.paths("conflict"))
    assert (living / "notes").read_text() == "precious\n"
    assert run(living, "update", "--abandon").status == 0


def test_a_committed_folder_where_the_release_has_a_file_is_a_conflict(living: Path, released: Path) -> None:
    assert released.exists()
    (living / ADDED).mkdir(parents=True)
    (living / ADDED / "mine").write_text("precious\n")
    commit(living, "notes of ours")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 3
    assert (living / ADDED / "mine").read_text() == "precious\n"


def test_a_link_that_leads_nowhere_is_not_replaced(living: Path, released: Path) -> None:
    assert released.exists()
    (living / "notes").mkdir()
    (living / ADDED).symlink_to("/nowhere")

    assert run(living, "update", "host").status == 1
    assert (living / ADDED).is_symlink()


def test_a_module_whose_folder_was_renamed_is_refused_and_not_made_again(living: Path, released: Path) -> None:
    assert released.exists()
    git(living, "mv", "src/backend/crm", "src/backend/customers")
    commit(living, "renamed")
    before = state(living)

    ending = run(living, "update")

    assert ending.status == 1
    assert (
        "biz_crm has no folder src/backend/crm. Restore it under that name, or remove the module." in ending.complaint
    )
    assert state(living) == before


def test_a_module_that_is_not_committed_is_named(living: Path) -> None:
    (living / CRM).write_text((living / CRM).read_text() + "# mine\n")

    assert "biz_crm is not committed" in run(living, "update").complaint


def test_a_part_of_a_template_that_is_not_trusted_is_refused(living: Path) -> None:
    replace(living / CRM, "_src_path: ", "_src_path: /elsewhere")
    commit(living, "moved")

    assert "which you have not trusted yet" in run(living, "update").complaint


def test_a_release_that_the_template_never_had_is_named(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / CC, "_commit: v0.1.0", "_commit: v0.0.9")
    commit(living, "from elsewhere")

    assert f"{CC}: the template at" in run(living, "update", "cc").complaint


def test_an_answers_file_that_was_corrected_by_hand_is_no_conflict(living: Path, released: Path) -> None:
    assert released.exists()
    text = (living / HOST).read_text()
    line = next(line for line in text.splitlines() if line.startswith("_commit"))
    (living / HOST).write_text(text.replace(f"{line}\n", "") + f'# by hand\n"{line[:7]}": "v0.1.0"\n')
    commit(living, "by hand")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 0, ending.document
    assert "_commit: v0.2.0" in (living / HOST).read_text()


def test_a_template_without_releases_says_so(living: Path, releases: Path) -> None:
    git(releases, "tag", "--delete", "v0.1.0")

    assert "The template has no release yet" in run(living, "update").complaint


def test_notes_that_cannot_be_read_are_the_maintainers_fault(living: Path, releases: Path) -> None:
    (releases / "releases.yml").write_text("v0.2.0: {unknown_key: 1}\n")
    release(releases, "v0.2.0")

    ending = run(living, "update")

    assert ending.status == 1
    assert "releases.yml cannot be read" in ending.complaint


def test_without_a_name_for_the_commit_it_says_so_and_can_leave_it_staged(
    living: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.exists()
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    configure(monkeypatch, user_useConfigOnly="true")
    before = state(living)

    ending = run(living, "update", "host")

    assert ending.status == 1
    assert "git does not know your name for the commit" in ending.complaint
    assert state(living) == before
    assert run(living, "update", "host", "--no-commit").status == 0
    assert f"M  {MAIN}" in git(living, "status", "--porcelain")


def test_a_hook_of_the_user_that_refuses_the_commit_is_quoted(living: Path, released: Path) -> None:
    assert released.exists()
    write_hook(living, "pre-commit", "echo 'no commits on Fridays' >&2\nexit 1")
    before = state(living)

    ending = run(living, "update", "host")

    assert ending.status == 1
    assert "git did not accept the commit of the update: no commits on Fridays" in ending.complaint
    assert state(living) == before
    assert not (living / WAITING).exists()
    assert run(living, "update", "host", "--no-commit").status == 0
    assert f"M  {MAIN}" in git(living, "status", "--porcelain")


@pytest.mark.parametrize("name", ["commit-msg", "reference-transaction", "post-checkout", "post-index-change"])
def test_any_other_hook_that_fails_leaves_nothing_half_done(living: Path, released: Path, name: str) -> None:
    assert released.exists()
    write_hook(living, name, "exit 1")
    before = state(living)

    ending = run(living, "update", "host")

    assert "INCOMPLETE" not in ending.complaint
    assert state(living) == before if ending.status else git(living, "status", "--porcelain") == ""
    assert run(living, "doctor", "--json").codes == ([] if ending.status else ["GS203", "GS203"])


def test_a_hook_that_refuses_the_branch_alone_leaves_nothing_half_done(living: Path, released: Path) -> None:
    assert released.exists()
    write_hook(living, "reference-transaction", "! grep -q refs/heads/main")
    before = state(living)

    ending = run(living, "update", "host")

    assert state(living) == before if ending.status else git(living, "status", "--porcelain") == ""
