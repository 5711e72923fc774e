"""A release is checked as a whole, and its tags are tried in a clone."""

from pathlib import Path

import pytest

from release import main, tags_of
from support import commit, git, replace


@pytest.fixture
def ready(template: Path, pristine: Path, tmp_path: Path) -> Path:
    """A template that is ready to be released as 1.0.0."""
    folder = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(template), str(folder))
    replace(folder / "pyproject.toml", 'version = "0.1.0"', 'version = "1.0.0"')
    replace(folder / "CHANGELOG.md", "## [Unreleased]", "## [Unreleased]\n\n## [1.0.0] - 2026-12-01")
    replace(folder / "releases.yml", "v0.1.0:", "v1.0.0: {}\nv0.1.0:")
    answers = folder / "instances/tech_cc/.copier-answers.yml"
    answers.parent.mkdir(parents=True)
    answers.write_text((pristine / ".copier-answers.yml").read_text())
    replace(answers, "_commit: v0.1.0", "_commit: v1.0.0")
    commit(folder, "1.0.0")
    return folder


def complaints(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(folder) == 1
    return capsys.readouterr().err.splitlines()


def test_the_tags_of_a_release() -> None:
    assert tags_of("1.0.0") == ("v1.0.0", "cc-v1.0")


def test_what_is_ready_is_tagged_in_a_clone_only(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ready) == 0

    said = capsys.readouterr().out
    assert "git tag --annotate v1.0.0" in said
    assert "git tag cc-v1.0\n" in said
    assert git(ready, "tag", "--list").split() == ["v0.1.0"]


def test_all_that_a_release_lacks_is_said_at_once(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(ready / "pyproject.toml", 'version = "1.0.0"', 'version = "1.1.0"')
    git(ready, "tag", "cc-v1.1")

    said = complaints(ready, capsys)

    assert [line.partition(". ")[0] for line in said] == [
        "The work tree has changes that are in no commit",
        "The tag cc-v1.1 exists already",
        "CHANGELOG.md has no section of this version",
        "releases.yml has no entry v1.1.0",
        "instances/tech_cc is rendered at v1.0.0",
    ]


def test_entries_must_not_stay_unreleased(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(ready / "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- Something new.\n")
    commit(ready, "something new")

    assert complaints(ready, capsys) == [
        "CHANGELOG.md has entries under `Unreleased`. Move them into the section of this version."
    ]


def test_a_version_must_be_the_latest(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(ready, "tag", "v2.0.0")

    assert complaints(ready, capsys) == [
        "The latest release would be v2.0.0, not v1.0.0. Raise `version` in pyproject.toml."
    ]
