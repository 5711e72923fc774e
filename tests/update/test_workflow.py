"""The scheduled workflow of a project opens a pull request for a pending update, and tells of a conflict in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scenes import HEALTH, MAIN, head
from support import commit, git, replace

WORKFLOW = ".github/workflows/template_update.yml"
COMMAND = f'#!/bin/sh\nshift 3; shift; exec {sys.executable} -m gold_slice update "$@"\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the programs of a runner: `gh` notes its arguments, `uv run` runs the command of these files."""
    (tmp_path / "bin").mkdir()
    for name, script in (
        ("gh", f'#!/bin/sh\necho "$@" >> {tmp_path}/gh.txt\n[ "$2" = create ]\n'),
        ("uv", COMMAND),
    ):
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run_workflow(project: Path, desk: Path) -> subprocess.CompletedProcess[str]:
    """Run the one script of the workflow as a runner does."""
    (step,) = [each for each in _steps(project) if "run" in each]
    environment = os.environ | {
        "PATH": f"{desk / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "RUNNER_TEMP": str(desk),
        "BRANCH": "template-update",
    }
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(bash, cwd=project, env=environment, capture_output=True, text=True, check=False)


def _steps(project: Path) -> list[dict[str, str]]:
    steps: list[dict[str, str]] = yaml.safe_load((project / WORKFLOW).read_text())["jobs"]["update"]["steps"]
    return steps


@pytest.fixture
def origin(living: Path, desk: Path) -> Path:
    """The repository that `living` pushes to."""
    git(desk, "init", "--quiet", "--bare", "origin.git")
    git(living, "remote", "add", "origin", str(desk / "origin.git"))
    return desk / "origin.git"


def test_a_pending_update_becomes_a_pull_request(living: Path, released: Path, desk: Path, origin: Path) -> None:
    assert released.exists()
    before = head(living)

    done = run_workflow(living, desk)

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"""New: ' in git(origin, "show", f"template-update:{HEALTH}")
    assert git(origin, "rev-parse", "template-update~1").strip() == before
    edited, created = (desk / "gh.txt").read_text().splitlines()
    assert edited.startswith("pr edit template-update")
    assert created.startswith(
        "pr create --head template-update --title Update host, biz_crm, tech_cc to gold slice v0.2.0"
    )
    assert "Before you deploy" not in created
    assert MAIN in (desk / "report.md").read_text()


def test_a_conflict_is_told_in_the_text_of_the_pull_request(
    living: Path, released: Path, desk: Path, origin: Path
) -> None:
    assert released.exists()
    replace(living / HEALTH, '"""', '"""Ours: ')
    commit(living, "edited where the release edits")

    done = run_workflow(living, desk)

    assert done.returncode == 0, done.stdout + done.stderr
    report = (desk / "report.md").read_text()
    assert f"settle .dev/update/{HEALTH}" in report
    assert "Nothing is merged yet." in report
    assert git(origin, "log", "-1", "--format=%s", "template-update").strip() == (
        "The template's update waits for a person"
    )
    assert not (living / ".dev/update").exists()


def test_nothing_happens_without_a_later_release(living: Path, releases: Path, desk: Path, origin: Path) -> None:
    assert releases.exists()

    assert run_workflow(living, desk).returncode == 0

    assert not (desk / "gh.txt").exists()
    assert git(origin, "branch", "--list") == ""
