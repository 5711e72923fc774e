"""`gold-slice new` spawns a project as `copier copy` does; `gold-slice diff` prints what its owner changed."""

import subprocess
from pathlib import Path

import pytest

from commands import run
from gold_slice import template as repository
from gold_slice.cli import main
from support import TAG, replace

type Printed = pytest.CaptureFixture[str]


@pytest.fixture
def installed(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command knows its release, as after an installation from git."""
    monkeypatch.setattr(repository, "own_release", lambda: (str(template), TAG))


@pytest.mark.usefixtures("installed")
def test_new_spawns_a_project_of_its_own_release(tmp_path: Path) -> None:
    folder = tmp_path / "shop"

    assert main(["new", str(folder), "--defaults", "--data", "project_name=shop"]) == 0

    assert f"_commit: {TAG}" in (folder / ".copier-answers.yml").read_text()
    assert 'name = "shop"' in (folder / "pyproject.toml").read_text()
    assert '"src.backend.cc"' in (folder / "src/cos_main.py").read_text()


@pytest.mark.usefixtures("installed")
def test_new_refuses_a_bad_name_and_a_folder_with_files(tmp_path: Path, capsys: Printed) -> None:
    assert main(["new", str(tmp_path / "shop"), "--defaults", "--data", "module=class"]) == 1
    assert "A module cannot be named class" in capsys.readouterr().err
    (tmp_path / "mine").touch()

    assert main(["new", str(tmp_path), "--defaults"]) == 1

    assert "is not empty" in capsys.readouterr().err


def test_new_says_how_to_install_it_if_its_release_is_unknown(
    tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "own_release", lambda: None)

    assert main(["new", str(tmp_path / "shop")]) == 1

    assert "uvx --from git+ADDRESS@TAG gold-slice new" in capsys.readouterr().err


def test_diff_prints_the_changes_of_a_part_as_a_patch(living: Path) -> None:
    replace(living / "src/health.py", "router = ", "OURS = 1\nrouter = ")
    (living / "src/backend/crm/deps.py").unlink()

    host, crm, cc = (run(living, "diff", *part).output for part in ((), ("crm",), ("tech_cc",)))

    assert "+OURS = 1" in host
    assert "cos_main" not in host
    assert "deps.py" in crm
    assert cc == "tech_cc has no changes of yours since v0.1.0.\n"
    assert run(living, "diff", "nope").status == 1


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(["python", "-m", "gold_slice", "--help"], capture_output=True, text=True, check=True)

    assert "remove a module" in done.stdout
