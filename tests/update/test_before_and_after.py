"""What an update would bring can be seen before, files can be taken out of updates, and doctor says what is behind."""

from pathlib import Path

import pytest

from commands import run
from gold_slice import target
from scenes import CRUD, DROPPED, HEALTH, MAIN
from support import CRM, HOST, commit, git, release, replace


def test_check_ends_with_4_where_an_update_is_pending(living: Path, released: Path) -> None:
    assert released.exists()

    pending = run(living, "update", "--check", "--json")
    assert pending.status == 4
    assert pending.document["headline"].startswith("v0.2.0 is there")
    assert pending.document["releases"] == ["host is at v0.1.0", "biz_crm is at v0.1.0", "tech_cc is at v0.1.0"]
    assert "Nothing was changed" not in run(living, "update", "--check").complaint

    assert run(living, "update").status == 0
    assert run(living, "update", "--check").status == 0


def test_diff_upstream_prints_what_a_release_changes_and_names_what_both_changed(
    living: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "own_release", lambda: (str(released), "v0.1.0"))  # as launchers install the command
    replace(living / HEALTH, "router = ", "OURS = 1\nrouter = ")
    replace(living / "src/backend/crm/crud.py", '"""', '"""Ours: ')

    host, crm, ours = (run(living, "diff", *part).output for part in (("--upstream",), ("crm", "--upstream"), ()))

    assert host.startswith(f"# {HEALTH} is changed by you and by v0.2.0\n")
    assert '+"""New: ' in host
    assert "OURS" not in host
    assert DROPPED in host
    assert "src.backend.c" not in host.partition(MAIN)[2].partition("diff ")[0].replace(" ", "")
    assert crm.startswith("# src/backend/crm/crud.py is changed by you and by v0.2.0\n")
    assert "+OURS" in ours
    assert run(living, "diff", "cc", "--upstream", "--to", "v0.1.0").output == "v0.1.0 changes nothing in tech_cc.\n"


def test_an_ejected_file_is_left_as_it_is_until_it_is_adopted(living: Path, released: Path) -> None:
    replace(living / HEALTH, '"""', '"""Ours, where the release edits: ')
    (living / "src/backend/crm/crud.py").unlink()
    commit(living, "edited")
    for path in (HEALTH, "src/backend/crm/crud.py"):
        assert run(living, "eject", path).status == 0
    assert "_ejected:\n- src/health.py\n" in (living / HOST).read_text()
    commit(living, "ejected")
    text = (living / HEALTH).read_text()

    assert run(living, "update").status == 0

    assert (living / HEALTH).read_text() == text
    assert not (living / "src/backend/crm/crud.py").exists()
    assert '"""New: ' in (living / MAIN).read_text()
    assert all("_commit: v0.2.0" in (living / file).read_text() for file in (HOST, CRM))
    told = run(living, "doctor", "--json").document["releases"]
    assert f"host has ejected files, which updates leave as they are: {HEALTH}" in told

    adopted = run(living, "adopt-file", HEALTH)
    assert "what v0.2.0 has in it that your file lacks" in adopted.output
    assert "_ejected" not in (living / HOST).read_text()
    commit(living, "adopted")
    replace(released / "template" / HEALTH, "router = ", "NEW = 1\nrouter = ")
    release(released, "v0.3.0")
    assert run(living, "update", "host").status == 0
    assert (living / HEALTH).read_text() == text.replace("router = ", "NEW = 1\nrouter = ", 1)


def test_what_cannot_be_ejected_or_adopted_is_refused_with_a_sentence(living: Path, released: Path) -> None:
    assert released.exists()
    assert "is not a file of host at v0.1.0" in run(living, "eject", "src/ours.py").complaint
    assert "is not ejected. Of host, there is: none." in run(living, "adopt-file", HEALTH).complaint
    assert run(living, "eject", HEALTH, "--preview").status == 0
    assert git(living, "status", "--porcelain") == ""
    assert run(living, "eject", HEALTH).status == 0
    assert "is ejected already" in run(living, "eject", HEALTH).complaint


def test_a_renamed_file_that_is_ejected_stays_where_it_is(living: Path, releases: Path) -> None:
    assert run(living, "eject", HEALTH).status == 0
    commit(living, "ejected")
    git(releases, "mv", f"template/{HEALTH}", "template/src/wellbeing.py")
    (releases / "releases.yml").write_text(f"v0.2.0:\n  renamed: {{{HEALTH}: src/wellbeing.py}}\n")
    release(releases, "v0.2.0")

    assert run(living, "update", "host").status == 0

    assert (living / HEALTH).exists()
    assert (living / "src/wellbeing.py").exists()


def test_doctor_says_how_far_behind_each_part_is_and_what_the_releases_are_about(living: Path, released: Path) -> None:
    (released / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [0.3.0] - 2030-01-01\n\n### Added\n- One thing,\n  and its end.\n"
        "- Two.\n- Three.\n- Four.\n\n"
        "## 0.2.0\n- Health is new.\n"
    )
    replace(released / "template" / CRUD, '"""New: ', '"""Newer: ')
    release(released, "v0.3.0")
    git(released, "tag", "v0.4.0rc1")
    assert run(living, "update", "crm", "--to", "v0.2.0").status == 0

    ending = run(living, "doctor", "--json")

    assert ending.document["releases"] == [
        "host is at v0.1.0, 2 release(s) behind v0.3.0",
        "biz_crm is at v0.2.0, 1 release(s) behind v0.3.0",
        "tech_cc is at v0.1.0, 2 release(s) behind v0.3.0",
        "v0.2.0: Health is new.",
        "v0.3.0: One thing, and its end. Two. Three. And 1 more in CHANGELOG.md.",
    ]
    assert "\nReleases:\n  host is at v0.1.0, 2 release(s) behind v0.3.0\n" in run(living, "doctor").output


def test_doctor_asks_the_network_only_with_fetch(living: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in living.glob(".copier-answers*.yml"):
        lines = file.read_text().splitlines(keepends=True)
        file.write_text(
            "".join(line if "_src_path" not in line else "_src_path: https://localhost:1/t.git\n" for line in lines)
        )
    monkeypatch.setenv("GIT_HTTP_LOW_SPEED_TIME", "1")

    assert run(living, "doctor", "--json").document["releases"] == []
    fetched = run(living, "doctor", "--fetch")
    assert fetched.status == 1
    assert "The template cannot be reached at https://localhost:1/t.git" in fetched.complaint
