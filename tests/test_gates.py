"""The gates are the same commands wherever they run: typed, before a commit, in CI, and in the job `instance`."""

import re
from pathlib import Path
from typing import Any

import yaml

import noxfile
from render import INSTANCE, ROOT


def hooks(folder: Path) -> list[dict[str, Any]]:
    [local] = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    hooks: list[dict[str, Any]] = local["hooks"]
    return hooks


def test_the_hooks_of_a_project_are_its_gates() -> None:
    typed = [hook["entry"].removeprefix("uv run ") for hook in hooks(INSTANCE)]

    # bandit gets the changed files, and the options that it finds by itself in a folder.
    assert [entry.replace("--ini src/.bandit", "-r src/") for entry in typed] == list(noxfile.GATES)


def test_the_readme_of_a_project_names_the_gates() -> None:
    readme = (INSTANCE / "README.md").read_text()

    assert [gate for gate in noxfile.GATES if f"uv run {gate}" not in readme] == []


def test_the_hooks_of_the_repository_are_its_jobs() -> None:
    jobs = [hook["entry"].removeprefix("python3 bootstrap.py ") for hook in hooks(ROOT)]

    assert [job for job in jobs if not callable(getattr(noxfile, job, None))] == []


def test_every_action_is_pinned_by_commit() -> None:
    uses = [line for path in workflows() for line in re.findall(r"uses: (.*)", path.read_text())]

    assert uses
    assert [line for line in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_every_job_may_only_read() -> None:
    for path in workflows():
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}
        assert {str(job["permissions"]) for job in workflow["jobs"].values()} == {"{'contents': 'read'}"}


def workflows() -> list[Path]:
    return [path for folder in (ROOT, INSTANCE) for path in (folder / ".github/workflows").glob("*.yml")]
