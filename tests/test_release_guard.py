"""A release does not move a file or a setting without saying so."""

from pathlib import Path

import pytest

from release_guard import main
from support import commit, git, replace

DEPS = "template/src/backend/{{ module }}/deps.py"
MOVED = '"src/backend/{{ module }}/deps.py": "src/backend/{{ module }}/wiring.py"'


@pytest.fixture
def next_release(template: Path, tmp_path: Path) -> Path:
    """A template on its way from its first release to v0.2.0."""
    folder = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(template), str(folder))
    replace(folder / "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    return folder


def declare(folder: Path, notes: str) -> None:
    (folder / "releases.yml").write_text(f"v0.2.0:\n{notes}\n")


def test_nothing_moved_needs_no_word(next_release: Path) -> None:
    (next_release / "template/docs/new.md").touch()

    assert main(next_release) == 0


def test_without_a_release_nothing_can_have_moved(next_release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(next_release, "tag", "--delete", "v0.1.0")

    assert main(next_release) == 0
    assert "no release yet" in capsys.readouterr().out


def test_a_move_must_be_declared(next_release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(next_release, "mv", DEPS, DEPS.replace("deps", "wiring"))
    (next_release / "template/docs/http_errors.md").unlink()

    assert main(next_release) == 1
    said = capsys.readouterr().err
    assert "src/backend/{{ module }}/deps.py is gone" in said
    assert "docs/http_errors.md is gone" in said
    assert "under v0.2.0" in said

    declare(next_release, f"  renamed: {{{MOVED}}}\n  removed: [docs/http_errors.md]")
    assert main(next_release) == 0


def test_a_template_that_becomes_plain_has_not_moved(next_release: Path) -> None:
    git(next_release, "mv", "template/README.md.jinja", "template/README.md")
    commit(next_release, "plain")

    assert main(next_release) == 0


def test_a_declared_move_must_lead_somewhere(next_release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declare(next_release, f"  renamed: {{{MOVED}}}")

    assert main(next_release) == 1
    assert "which is not there" in capsys.readouterr().err


def test_settings_that_come_and_go_must_be_declared(next_release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(next_release / "template/.env.example", "MEM0_SCHEMA=", "MEMORY_SCHEMA=")

    assert main(next_release) == 1
    said = capsys.readouterr().err
    assert "MEM0_SCHEMA went" in said
    assert "MEMORY_SCHEMA came" in said

    declare(next_release, "  environment: {MEM0_SCHEMA: is MEMORY_SCHEMA now, MEMORY_SCHEMA: was MEM0_SCHEMA}")
    assert main(next_release) == 0
