"""A user's settings of git, environment and odd files change no outcome, and lose nothing."""

import stat
from pathlib import Path

import pytest

from commands import run
from living.project import snapshot_of
from support import CC, CRM, HOST, commit, git, release, replace

HEALTH = "src/health.py"


@pytest.fixture
def released(releases: Path) -> Path:
    """A template whose second release changes a file of the host, and adds one in a folder of its own."""
    replace(releases / "template" / HEALTH, "Liveness and readiness", "Life and readiness")
    (releases / "template/notes").mkdir()
    (releases / "template/notes/a.md").write_text("new\n")
    release(releases, "v0.2.0")
    return releases


def configure(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Set what a user's own ~/.gitconfig would."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key.replace("_", "."))
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)


@pytest.mark.usefixtures("released")
def test_line_ends_of_windows_in_a_users_settings_reach_no_file_of_the_template(
    living: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (living / HEALTH).write_text((living / HEALTH).read_text() + "# mine\n")
    commit(living, "edited")
    configure(monkeypatch, core_autocrlf="true")

    assert run(living, "update").status == 0

    assert "\r" not in git(living, "show", f"HEAD:{HEALTH}")
    assert "notes/a.md" in git(living, "show", "--name-only", "HEAD")
    assert run(living, "generate", "biz", "pem").status == 0
    assert b"\r" not in (living / "src/backend/pem/crud.py").read_bytes()


@pytest.mark.usefixtures("released")
def test_a_hook_that_fails_leaves_nothing_half_done(living: Path) -> None:
    for name in ("reference-transaction", "post-checkout", "post-index-change"):
        hook = living / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(hook.stat().st_mode | stat.S_IXUSR)

    ending = run(living, "update")

    assert ending.status == 0, ending.complaint
    assert git(living, "status", "--porcelain") == ""


@pytest.mark.usefixtures("released")
def test_literal_pathspecs_in_the_environment_remove_what_the_release_dropped(
    living: Path, releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(releases, "rm", "-q", "template/docs/refusals.md")
    release(releases, "v0.3.0")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")

    assert run(living, "update").status == 0

    assert not (living / "docs/refusals.md").exists()


def test_a_bare_copy_of_the_template_is_read_where_git_finds_none_by_itself(
    living: Path, releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answers in (HOST, CC, CRM):
        replace(living / answers, f"_src_path: {releases}", f"_src_path: file://{releases}")
    commit(living, "by address")
    configure(monkeypatch, safe_bareRepository="explicit")

    ending = run(living, "update")

    assert ending.status == 0, ending.complaint


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_an_edit_that_git_was_told_to_overlook_is_in_the_way(living: Path, flag: str) -> None:
    git(living, "update-index", flag, HEALTH)
    (living / HEALTH).write_text("mine = 1\n")
    before = snapshot_of(living)

    ending = run(living, "update", "--json")

    assert ending.status == 1
    assert "git was told to overlook" in ending.document["problems"][0]
    assert snapshot_of(living) == before


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("kind", ["file", "link"])
@pytest.mark.parametrize("is_committed", [True, False])
def test_what_stands_where_the_release_has_a_folder_is_in_the_way(
    living: Path, tmp_path: Path, *, kind: str, is_committed: bool
) -> None:
    if kind == "file":
        (living / "notes").write_text("precious\n")
    else:
        (tmp_path / "elsewhere").mkdir()
        (living / "notes").symlink_to(tmp_path / "elsewhere")
    if is_committed:
        commit(living, "notes of ours")
    before = git(living, "rev-parse", "HEAD"), git(living, "status", "--porcelain")

    ending = run(living, "update", "--json")

    assert ending.status == 1
    assert ending.document["problems"][0].startswith("notes is")
    assert (git(living, "rev-parse", "HEAD"), git(living, "status", "--porcelain")) == before
    assert not (tmp_path / "elsewhere/a.md").exists()


@pytest.mark.usefixtures("released")
def test_a_folder_where_the_release_has_a_file_is_in_the_way(living: Path) -> None:
    (living / "notes/a.md").mkdir(parents=True)
    (living / "notes/a.md/mine").write_text("precious\n")
    commit(living, "notes of ours")

    ending = run(living, "update", "--json")

    assert ending.status == 1
    assert ending.document["problems"][0].startswith("notes/a.md is a folder of yours")


@pytest.mark.usefixtures("released")
def test_a_link_that_leads_nowhere_is_not_replaced(living: Path) -> None:
    (living / "notes").mkdir()
    (living / "notes/a.md").symlink_to("/nowhere")
    (living / ".git/info/exclude").write_text("notes\n")

    assert run(living, "update").status == 1
    assert (living / "notes/a.md").is_symlink()


@pytest.mark.usefixtures("released")
def test_gitmodules_may_be_edited_meanwhile(living: Path) -> None:
    (living / ".gitmodules").write_text("")
    head = git(living, "rev-parse", "HEAD").strip()
    git(living, "update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
    git(living, "add", ".gitmodules")
    git(living, "commit", "-qm", "a submodule")
    (living / ".gitmodules").write_text("# mine\n")

    ending = run(living, "update")

    assert ending.status == 0, ending.complaint
    assert git(living, "ls-tree", "HEAD", "vendor").startswith("160000")
