"""One command carries a release into host and modules as one commit, and keeps every edit of the user."""

from pathlib import Path

from commands import run
from scenes import ADDED, CRUD, DEPS, DROPPED, HEALTH, MAIN, head
from support import CC, CRM, HOST, commit, git, release, replace


def test_a_release_reaches_host_and_modules_as_one_commit(living: Path, released: Path) -> None:
    assert released.exists()
    before = head(living)

    ending = run(living, "update")

    assert ending.status == 0, ending.complaint
    assert git(living, "rev-list", "--parents", "-1", "HEAD").split()[1:] == [before]
    assert git(living, "log", "-1", "--format=%s, %an, %cn").strip() == (
        "Update host, biz_crm, tech_cc to gold slice v0.2.0, Ada, Ada"
    )
    assert git(living, "status", "--porcelain") == ""
    assert '"""New: ' in (living / HEALTH).read_text()
    assert (living / ADDED).read_text() == "new\n"
    assert not (living / DROPPED).exists()
    assert all('"""New: ' in (living / f"src/backend/{module}/crud.py").read_text() for module in ("cc", "crm"))
    assert all("_commit: v0.2.0" in (living / name).read_text() for name in (HOST, CC, CRM))
    assert git(living, "worktree", "list").count("\n") == 1
    assert run(living, "update").output == "Everything is at v0.2.0 already.\n"


def test_only_the_named_parts_are_updated_and_the_others_follow_later(living: Path, released: Path) -> None:
    assert released.exists()

    assert run(living, "update", "crm", "host").status == 0

    assert '"""New: ' in (living / HEALTH).read_text()
    assert '"""New: ' in (living / "src/backend/crm/crud.py").read_text()
    assert '"""New: ' not in (living / "src/backend/cc/crud.py").read_text()
    assert run(living, "doctor", "--json").codes == ["GS203"]
    assert run(living, "update", "--json").document["headline"] == "Updated tech_cc to gold slice v0.2.0."
    assert run(living, "doctor").status == 0


def test_parts_of_several_releases_meet_at_the_latest(living: Path, released: Path) -> None:
    assert run(living, "update", "crm").status == 0
    replace(released / "template" / CRUD, '"""New: ', '"""Newer: ')
    release(released, "v0.3.0")

    assert run(living, "update").status == 0

    assert all('"""Newer: ' in (living / f"src/backend/{module}/crud.py").read_text() for module in ("cc", "crm"))
    assert all("_commit: v0.3.0" in (living / name).read_text() for name in (HOST, CC, CRM))


def test_the_release_can_be_named_and_is_never_earlier(living: Path, released: Path) -> None:
    replace(released / "template" / HEALTH, '"""New: ', '"""Newer: ')
    release(released, "v0.3.0")
    git(released, "tag", "v0.4.0rc1")

    assert run(living, "update", "host", "--to", "v0.2.0").status == 0
    assert '"""Newer: ' not in (living / HEALTH).read_text()
    assert run(living, "update", "host").status == 0
    assert "_commit: v0.3.0" in (living / HOST).read_text()

    refused = run(living, "update", "host", "--to", "v0.2.0")
    assert refused.status == 1
    assert "host is at v0.3.0, which is later than v0.2.0" in refused.complaint
    assert "has no release v7" in run(living, "update", "--to", "v7").complaint


def test_a_commit_on_the_way_to_a_release_can_be_named_again_and_again(living: Path, releases: Path) -> None:
    for number, (before, text) in enumerate((("", "New: "), ("New: ", "Newer: ")), start=1):
        replace(releases / "template" / HEALTH, f'"""{before}', f'"""{text}')
        commit(releases, "on the way")

        assert run(living, "update", "host", "--to", "HEAD").status == 0

        assert f"_commit: v0.1.0-{number}-g" in (living / HOST).read_text()
        assert f'"""{text}' in (living / HEALTH).read_text()


def test_edits_of_all_kinds_survive(living: Path, released: Path) -> None:
    replace(living / HEALTH, "router = ", "OURS = 1\nrouter = ")
    git(living, "mv", HEALTH, "src/wellbeing.py")
    git(living, "mv", "src/backend/cc/crud.py", "src/backend/cc/queries.py")
    (living / "src/backend/crm/crud.py").unlink()
    (living / "src/backend/crm/ours.py").write_text("OURS = 1\n")
    crlf = (living / "src/common/logger.py").read_bytes().replace(b"\n", b"\r\n")
    (living / "src/common/logger.py").write_bytes(crlf + b"OURS = 1\r\n")
    replace(released / "template/src/common/logger.py", '"""', '"""New: ')
    release(released, "v0.3.0")
    commit(living, "edited in every way")

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.document
    moved = (living / "src/wellbeing.py").read_text()
    assert "OURS = 1\n" in moved
    assert '"""New: ' in moved
    assert not (living / HEALTH).exists()
    assert '"""New: ' in (living / "src/backend/cc/queries.py").read_text()
    assert not (living / "src/backend/crm/crud.py").exists()
    assert "src/backend/crm/crud.py" in ending.paths("kept because you edited it")
    assert (living / "src/backend/crm/ours.py").exists()
    log = (living / "src/common/logger.py").read_bytes()
    assert log.endswith(b"OURS = 1\r\n")
    assert b'"""New: ' in log
    assert log.count(b"\n") == log.count(b"\r\n")


def test_a_renamed_file_takes_edits_along_in_every_module(living: Path, releases: Path) -> None:
    for module in ("cc", "crm"):
        replace(living / f"src/backend/{module}/deps.py", '"""', f'"""{module}: ')
    commit(living, "edited")
    renamed = DEPS.replace("deps.py", "wiring.py")
    git(releases, "mv", f"template/{DEPS}", f"template/{renamed}")
    (releases / "template" / renamed).write_text("# all new\n" * 40 + "DbSession = 1\n")
    (releases / "releases.yml").write_text(f'v0.2.0:\n  renamed: {{"{DEPS}": "{renamed}"}}\n')
    release(releases, "v0.2.0")

    ending = run(living, "update", "--preview", "--json")

    assert sorted(ending.paths("conflict")) == ["src/backend/cc/wiring.py", "src/backend/crm/wiring.py"]


def test_a_dropped_file_goes_unless_it_was_edited(living: Path, releases: Path) -> None:
    replace(living / DROPPED, "# ", "# Our\n\n# ")
    commit(living, "edited")
    git(releases, "rm", "--quiet", f"template/{DROPPED}", "template/.env.example")
    release(releases, "v0.2.0")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 0
    assert ending.paths("removed") == [".env.example"]
    assert ending.paths("dropped by the template but edited by you") == [DROPPED]
    assert (living / DROPPED).read_text().startswith("# Our")
    assert ending.document["problems"][0].startswith(f"{DROPPED}: dropped by the template but edited by you")


def test_a_dropped_file_that_the_user_dropped_too_is_no_news(living: Path, released: Path) -> None:
    assert released.exists()
    (living / DROPPED).unlink()
    commit(living, "dropped")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 0
    assert DROPPED not in str(ending.document)


def test_what_a_release_asks_for_is_said_before_a_deploy(living: Path, released: Path) -> None:
    (living / ".env").write_text("OLD_KEY=1\n")
    (released / "releases.yml").write_text(
        "v0.3.0:\n  environment: {OLD_KEY: is not read any more, NEW_KEY: says how often}\n"
        "  changed: [Health answers faster.]\n  steps: [Run the purge once.]\nv0.1.0:\n  steps: [Long ago.]\n"
    )
    release(released, "v0.3.0")

    assert run(living, "update", "host", "--json").document["before_deploy"] == [
        "v0.3.0: setting OLD_KEY: is not read any more (your .env sets it)",
        "v0.3.0: setting NEW_KEY: says how often",
        "v0.3.0: changed: Health answers faster.",
        "v0.3.0: step: Run the purge once.",
    ]


def test_notes_are_told_from_the_oldest_part_on(living: Path, releases: Path) -> None:
    for tag in ("v0.9.0", "v0.10.0", "v0.11.0"):
        (releases / "releases.yml").write_text("v0.10.0:\n  steps: [Purge once.]\n")
        (releases / "template" / DROPPED).write_text(tag)
        release(releases, tag)
    assert run(living, "update", "--to", "v0.9.0").status == 0
    assert run(living, "update", "host", "--to", "v0.10.0").status == 0

    assert run(living, "update", "--json").document["before_deploy"] == ["v0.10.0: step: Purge once."]


def test_every_file_is_named_with_what_happens_to_it(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / HEALTH, "router = ", "OURS = 1\nrouter = ")
    commit(living, "edited")

    ending = run(living, "update", "--json")

    assert ending.paths("added") == [ADDED]
    assert ending.paths("removed") == [DROPPED]
    assert ending.paths("merged") == [HEALTH]
    assert ending.paths("updated") == sorted(
        (CRM, "src/backend/crm/crud.py", HOST, MAIN, CC, "src/backend/cc/crud.py"),
        key=lambda path: (("crm" not in path) + ("cc" in path) * 2, path),
    )
