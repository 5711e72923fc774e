"""What a release may change about itself: its layout, its lists of modules, and how it is rendered."""

from pathlib import Path

import pytest
import yaml

from commands import run
from scenes import DROPPED, HEALTH, MAIN, REGISTRY, WAITING
from support import commit, git, release, replace

LISTS = "gold_slice/host_lists.yml"


def move_list(template: Path, name: str, *, to: str) -> None:
    """Say in the template's data that a list is in another file."""
    rows = yaml.safe_load((template / LISTS).read_text())
    for row in rows:
        row["file"] = to if row["list"] == name else row["file"]
    (template / LISTS).write_text(yaml.safe_dump(rows))


def test_a_renamed_host_file_keeps_its_modules_and_edits(living: Path, releases: Path) -> None:
    replace(living / MAIN, "\n]\n", '\n    "src.ours",\n]\n')
    (living / "src/ours.py").write_text("")
    commit(living, "a slice of ours")
    git(releases, "mv", f"template/{MAIN}", "template/src/entry.py")
    move_list(releases, "SLICES", to="src/entry.py")
    (releases / "releases.yml").write_text(f"v0.2.0:\n  renamed: {{{MAIN}: src/entry.py}}\n")
    release(releases, "v0.2.0")

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.document
    assert not (living / MAIN).exists()
    entries = [line.strip() for line in (living / "src/entry.py").read_text().splitlines() if '"src.' in line]
    assert entries == ['"src.backend.cc",', '"src.backend.crm",', '"src.ours",']


def test_a_list_that_moves_to_another_file_is_filled_there(living: Path, releases: Path) -> None:
    source = (releases / "template" / MAIN).read_text()
    line = "SLICES: list[str] = []\n"
    assert line in source
    (releases / "template" / MAIN).write_text(source.replace(line, "from src.slices import SLICES\n"))
    (releases / "template/src/slices.py").write_text(f'"""The slices."""\n\n{line}')
    move_list(releases, "SLICES", to="src/slices.py")
    release(releases, "v0.2.0")

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.document
    assert '    "src.backend.cc",\n    "src.backend.crm",\n]' in (living / "src/slices.py").read_text()
    assert '"src.backend' not in (living / MAIN).read_text()


def test_a_list_that_a_release_adds_is_filled(living: Path, releases: Path) -> None:
    (releases / "template/src/search.py").write_text('"""What can be searched."""\n\nSEARCHED: list[str] = []\n')
    rows = [{"file": "src/search.py", "list": "SEARCHED", "entries": ["{domain}.{module}"]}]
    (releases / LISTS).write_text((releases / LISTS).read_text() + yaml.safe_dump(rows))
    release(releases, "v0.2.0")

    assert run(living, "update").status == 0

    assert '    "biz.crm",\n    "tech.cc",\n]' in (living / "src/search.py").read_text()
    assert git(living, "status", "--porcelain") == ""


def test_lines_of_the_user_before_beside_and_inside_the_lists_stay(living: Path, releases: Path) -> None:
    text = (living / MAIN).read_text()
    text = text.replace(
        "SLICES: list[str] = [\n", 'BEFORE = 1\nSLICES: list[str] = [\n    "src.aaa",  # mine\n    # ours\n'
    )
    text = text.replace('"src.backend.crm",\n]\n', '"src.backend.crm",  # customers\n    "src.zzz",\n]\nAFTER = 1\n')
    (living / MAIN).write_text(text)
    for name in ("aaa", "zzz"):
        (living / f"src/{name}.py").write_text("")
    commit(living, "lines of ours")
    replace(releases / "template" / MAIN, '"""', '"""New: ')
    (releases / "template" / MAIN).write_text((releases / "template" / MAIN).read_text() + "\n\nMORE = 1\n")
    release(releases, "v0.2.0")

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.document
    expected = text.replace('"""', '"""New: ', 1) + "\n\nMORE = 1\n"
    assert (living / MAIN).read_text() == expected


def test_entries_that_the_user_took_out_come_back_registered(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / REGISTRY, '    "biz_crm",\n', "")
    commit(living, "unregistered")
    assert run(living, "doctor", "--json").codes == ["GS302"]

    assert run(living, "update").status == 0

    assert '    "biz_crm",\n' in (living / REGISTRY).read_text()
    assert run(living, "doctor").status == 0


def test_a_host_file_without_its_list_is_refused(living: Path, released: Path) -> None:
    assert released.exists()
    (living / REGISTRY).write_text("x = 1\n")
    commit(living, "broken")

    ending = run(living, "update", "host")

    assert ending.status == 1
    assert f"{REGISTRY}:1: there is no list MODULE_LABELS. Fix: " in ending.complaint


def test_files_that_git_archive_would_omit_arrive(living: Path, releases: Path) -> None:
    (releases / ".gitattributes").write_text("template/tests export-ignore\n*.py export-subst ident\n")
    (releases / "template/tests/unit/test_new.py").write_text('"""$Format:%H$ $Id$"""\n')
    release(releases, "v0.2.0")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 0
    assert "$Format:%H$" in (living / "tests/unit/test_new.py").read_text()
    assert ending.paths("removed") == []


def test_a_symbolic_link_of_the_template_arrives_as_copier_renders_it(living: Path, releases: Path) -> None:
    (releases / "template/docs/link.md").symlink_to(Path(DROPPED).name)
    (releases / "template/scripts/new.sh").write_text("#!/bin/sh\n")
    (releases / "template/scripts/new.sh").chmod(0o755)
    release(releases, "v0.2.0")

    assert run(living, "update", "host").status == 0

    assert (living / "docs/link.md").read_text() == (living / DROPPED).read_text()
    assert git(living, "ls-files", "--stage", "scripts/new.sh").startswith("100755")


def test_a_release_that_excludes_more_files_removes_them(living: Path, releases: Path) -> None:
    replace(releases / "copier.yml", "  - .venv\n", "  - .venv\n  - /docs\n")
    release(releases, "v0.2.0")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 0
    assert DROPPED in ending.paths("removed")
    assert not (living / DROPPED).exists()


@pytest.mark.parametrize("is_forced", [True, False])
def test_a_migration_of_the_user_beside_one_of_the_release_is_found_before_it_lands(
    living: Path, releases: Path, *, is_forced: bool
) -> None:
    text = 'revision = "{}"\ndown_revision = "{}"\nbranch_labels = None\n'
    ours = living / "alembic/versions/cc/cc_0006_ours.py"
    ours.write_text(text.format("cc_0006_ours", "cc_0005_module_version"))
    commit(living, "a migration of ours")
    folder = releases / "template/alembic/versions/{{ module }}"
    theirs = text.format("{{ module }}_0006_theirs", "{{ module }}_0005_module_version")
    (folder / "{{ module }}_0006_theirs.py.jinja").write_text(theirs)
    release(releases, "v0.2.0")
    before = git(living, "rev-parse", "HEAD")

    assert run(living, "update", "cc", "--preview", "--json").codes == ["GS504"]
    ending = run(living, "update", "cc", "--json")

    assert ending.status == 3
    assert ending.codes == ["GS504"]
    assert git(living, "rev-parse", "HEAD") == before
    assert run(living, "update", "--continue", "--json").codes == ["GS504"]
    if not is_forced:
        corrected = living / WAITING / "alembic/versions/cc/cc_0006_ours.py"
        corrected.write_text(text.format("cc_0006_ours", "cc_0006_theirs"))
    landed = run(living, "update", "--continue", *(["--force"] if is_forced else []))
    assert landed.status == 0, landed.complaint
    assert run(living, "doctor", "--json").codes.count("GS504") == int(is_forced)
    assert git(living, "status", "--porcelain") == ""


def test_findings_that_the_project_had_before_do_not_hold_an_update_up(living: Path, released: Path) -> None:
    assert released.exists()
    (living / "src/backend/cc/identity.py").write_text("x = 1\n")
    commit(living, "broken before")
    assert run(living, "doctor", "--json").codes == ["GS401"]

    assert run(living, "update", "host").status == 0
    assert '"""New: ' in (living / HEALTH).read_text()
