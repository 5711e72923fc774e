"""A user's settings of git, environment and kind of work tree change no outcome, and lose nothing."""

import shutil
from pathlib import Path

import pytest

from commands import run
from scenes import ADDED, DROPPED, HEALTH, MAIN, WAITING, configure, settle, state
from support import CC, CRM, HOST, commit, git, replace

NEW = b'"""New: '


def clone(project: Path, folder: Path) -> Path:
    """Return a fresh clone of a project."""
    git(project, "clone", "--quiet", str(project), str(folder))
    return folder


def test_line_ends_of_windows_in_a_users_settings_reach_no_commit(
    living: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.exists()
    (living / HEALTH).write_text((living / HEALTH).read_text() + "# mine\n")
    commit(living, "edited")
    configure(monkeypatch, core_autocrlf="true")

    assert run(living, "update", "host").status == 0

    assert "\r" not in git(living, "show", f"HEAD:{HEALTH}")
    assert ADDED in git(living, "show", "--name-only", "HEAD")
    assert run(living, "add", "biz", "pem").status == 0
    assert b"\r" not in (living / "src/backend/pem/crud.py").read_bytes()


def test_a_fresh_checkout_with_line_ends_of_windows_is_updated_in_them(
    living: Path, released: Path, tmp_path: Path
) -> None:
    assert released.exists()
    (living / ".gitattributes").write_text("* text=auto eol=crlf\n")
    replace(living / HEALTH, "import time\n", "import time  # mine\n")
    commit(living, "CRLF in work trees")
    fresh = clone(living, tmp_path / "fresh")
    assert (fresh / HEALTH).read_bytes().count(b"\r\n") > 1

    assert run(fresh, "update").status == 0

    text = (fresh / HEALTH).read_bytes()
    assert text.startswith(NEW)
    assert text.count(b"\r\n") == text.count(b"\n")
    assert b"import time  # mine\r\n" in text
    assert "\r" not in git(fresh, "show", f"HEAD:{HEALTH}")
    assert git(fresh, "status", "--porcelain") == ""
    assert run(fresh, "doctor").status == 0


def test_a_project_committed_with_line_ends_of_windows_keeps_them(living: Path, released: Path) -> None:
    assert released.exists()
    for name in git(living, "ls-files", "*.py", "*.md", "*.yml", "*.toml", "*.ini").split():
        (living / name).write_bytes((living / name).read_bytes().replace(b"\n", b"\r\n"))
    git(living, "config", "core.autocrlf", "false")
    commit(living, "CRLF")

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.document
    for name in (HEALTH, MAIN, "src/backend/crm/crud.py", HOST):
        text = (living / name).read_bytes()
        assert text.count(b"\r\n") == text.count(b"\n"), name
    assert (living / HEALTH).read_bytes().startswith(NEW)
    assert len(git(living, "show", "--stat", "--format=", "HEAD").splitlines()) < 12


def test_a_filter_of_the_user_is_applied_to_what_is_committed(living: Path, released: Path) -> None:
    assert released.exists()
    git(living, "config", "filter.own.clean", "sed s/New:/N3w:/")
    git(living, "config", "filter.own.smudge", "sed s/N3w:/New:/")
    (living / ".gitattributes").write_text("src/*.py filter=own\n")
    commit(living, "a filter")

    assert run(living, "update", "host").status == 0

    assert git(living, "show", f"HEAD:{HEALTH}").startswith('"""N3w: ')
    assert (living / HEALTH).read_bytes().startswith(NEW)
    assert git(living, "status", "--porcelain") == ""


def test_the_commit_is_signed_once_and_temporary_ones_are_not(
    living: Path, released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.exists()
    program = tmp_path / "sign"
    program.write_text(
        f"#!/bin/sh\ncat > /dev/null\necho signed >> {tmp_path}/log\n"
        "printf '\\n[GNUPG:] SIG_CREATED \\n' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----'\n"
    )
    program.chmod(0o755)
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")
    configure(monkeypatch, commit_gpgSign="true", gpg_program=str(program))

    assert run(living, "update").status == 3
    settle(living / WAITING / MAIN, "ours")
    assert run(living, "update", "--continue").status == 0

    assert (tmp_path / "log").read_text() == "signed\n"
    assert "gpgsig -----BEGIN PGP SIGNATURE-----" in git(living, "cat-file", "commit", "HEAD")


def test_a_sparse_checkout_stays_sparse(living: Path, released: Path) -> None:
    assert released.exists()
    git(living, "sparse-checkout", "set", "src", "alembic", "tests", "scripts")
    assert not (living / DROPPED).exists()

    ending = run(living, "update")

    assert ending.status == 0, ending.complaint
    assert git(living, "show", f"HEAD:{ADDED}") == "new\n"
    assert DROPPED not in git(living, "ls-tree", "-r", "--name-only", "HEAD")
    assert not (living / "notes").exists()
    assert (living / HEALTH).read_bytes().startswith(NEW)
    assert git(living, "status", "--porcelain") == ""


def test_a_sparse_checkout_takes_an_update_without_a_commit(living: Path, released: Path) -> None:
    assert released.exists()
    git(living, "sparse-checkout", "set", "src", "alembic", "tests", "scripts")

    assert run(living, "update", "host", "--no-commit").status == 0

    assert f"A  {ADDED}" in git(living, "status", "--porcelain")
    git(living, "commit", "--quiet", "-m", "update")
    assert git(living, "show", f"HEAD:{ADDED}") == "new\n"


def test_it_works_on_a_detached_head(living: Path, released: Path) -> None:
    assert released.exists()
    main = git(living, "rev-parse", "main")
    git(living, "checkout", "--quiet", "--detach")

    assert run(living, "update", "host").status == 0

    assert git(living, "rev-parse", "main") == main == git(living, "rev-parse", "HEAD^")
    assert git(living, "status", "--porcelain") == ""


def test_it_works_in_a_linked_work_tree(living: Path, released: Path, tmp_path: Path) -> None:
    assert released.exists()
    linked = tmp_path / "linked"
    git(living, "worktree", "add", "--quiet", str(linked))
    replace(linked / MAIN, '"""', '"""Ours: ')
    commit(linked, "edited")
    before = state(living)

    assert run(linked, "update", "host").status == 3
    settle(linked / WAITING / MAIN, "ours")
    assert run(linked, "update", "--continue").status == 0

    assert (linked / HEALTH).read_bytes().startswith(NEW)
    assert state(living) == before
    assert git(linked, "status", "--porcelain") == ""
    assert git(living, "worktree", "list").count("\n") == 2


def test_it_works_in_a_folder_of_a_larger_repository(living: Path, released: Path, tmp_path: Path) -> None:
    assert released.exists()
    large = tmp_path / "large"
    shop = large / "services" / "shop"
    shutil.copytree(living, shop, ignore=shutil.ignore_patterns(".git"))
    (large / "src").mkdir()
    (large / "src/health.py").write_text("OTHER = 1\n")
    git(large, "init", "--quiet")
    replace(shop / MAIN, '"""', '"""Ours: ')
    commit(large, "many services")

    assert run(shop / "src", "update", "crm").status == 0
    assert git(large, "show", "--name-only", "--format=", "HEAD").split() == [
        f"services/shop/{CRM}", "services/shop/src/backend/crm/crud.py",
    ]  # fmt: skip
    assert run(shop, "update").status == 3
    settle(shop / WAITING / "services/shop" / MAIN, "theirs")
    assert run(shop, "update", "--continue").status == 0

    assert (shop / MAIN).read_bytes().startswith(NEW)
    assert (large / "src/health.py").read_text() == "OTHER = 1\n"
    assert git(large, "status", "--porcelain") == ""


def test_a_resolution_that_git_recorded_is_used_again(
    living: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.exists()
    configure(monkeypatch, rerere_enabled="true")
    replace(living / MAIN, '"""', '"""Ours: ')
    commit(living, "edited")
    before = git(living, "rev-parse", "HEAD").strip()
    assert run(living, "update", "host").status == 3
    settle(living / WAITING / MAIN, "ours")
    assert run(living, "update", "--continue").status == 0
    git(living, "reset", "--quiet", "--hard", before)

    assert run(living, "update", "host").status == 3
    assert "<<<<<<<" not in (living / WAITING / MAIN).read_text()
    assert run(living, "update", "--continue").status == 0
    assert (living / MAIN).read_text().startswith('"""Ours: ')
    git(living, "reset", "--quiet", "--hard", before)
    configure(monkeypatch, rerere_enabled="true", rerere_autoUpdate="true")
    assert run(living, "update", "host").status == 0
    assert (living / MAIN).read_text().startswith('"""Ours: ')


def test_tracked_files_that_gitignore_matches_are_updated_too(living: Path, released: Path) -> None:
    assert released.exists()
    (living / ".gitignore").write_text((living / ".gitignore").read_text() + "health.py\nnotes/\nsrc/backend/crm/\n")
    commit(living, "ignored too much")

    assert run(living, "update").status == 0

    assert (living / HEALTH).read_bytes().startswith(NEW)
    assert (living / "src/backend/crm/crud.py").read_bytes().startswith(NEW)
    assert git(living, "show", f"HEAD:{ADDED}") == "new\n"
    assert git(living, "status", "--porcelain") == ""


def test_variables_of_git_in_the_environment_point_nowhere_else(
    living: Path, released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.exists()
    for name in ("GIT_LITERAL_PATHSPECS", "GIT_ICASE_PATHSPECS"):
        monkeypatch.setenv(name, "1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))

    ending = run(living, "update", "host")

    assert ending.status == 0, ending.complaint
    assert not (living / DROPPED).exists()


def test_a_bare_copy_of_the_template_is_read_where_git_finds_none_by_itself(
    living: Path, released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "bare.git"
    git(released, "clone", "--quiet", "--bare", str(released), str(bare))
    for answers in (HOST, CC, CRM):
        replace(living / answers, f"_src_path: {released}", f"_src_path: file://{bare}")
    commit(living, "by address")
    configure(monkeypatch, safe_bareRepository="explicit")

    ending = run(living, "update", "host")

    assert ending.status == 0, ending.complaint


def test_a_submodule_stays_and_gitmodules_may_be_edited_meanwhile(living: Path, released: Path) -> None:
    assert released.exists()
    (living / ".gitmodules").write_text("")
    head = git(living, "rev-parse", "HEAD").strip()
    git(living, "update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
    git(living, "add", ".gitmodules")
    git(living, "commit", "-qm", "a submodule")
    (living / ".gitmodules").write_text("# mine\n")

    ending = run(living, "update", "host")

    assert ending.status == 0, ending.complaint
    assert git(living, "ls-tree", "HEAD", "vendor").startswith("160000")
    assert git(living, "status", "--porcelain", ".gitmodules") == " M .gitmodules\n"


def test_work_that_is_not_in_the_way_stays_as_it_is(living: Path, released: Path) -> None:
    assert released.exists()
    (living / "ours.txt").write_text("staged\n")
    git(living, "add", "ours.txt")
    (living / "README.md").write_text("edited\n")

    assert run(living, "update", "host").status == 0

    assert git(living, "status", "--porcelain").splitlines() == [" M README.md", "A  ours.txt"]
