"""The gates are the same commands wherever they run: typed, before a commit, in CI, and in the job `instance`."""

import re
import tomllib
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


def test_a_plain_run_of_a_project_is_known_as_whole() -> None:
    """Only a run with this selection asks for 97 % and uses all cores."""
    quick = re.findall(r'^QUICK = "(.*)"$', (INSTANCE / "tests/conftest.py").read_text(), re.MULTILINE)

    options = tomllib.loads((INSTANCE / "pyproject.toml").read_text())["tool"]["pytest"]["addopts"]
    assert [options[options.index("-m") + 1]] == quick


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


def test_a_job_may_only_read_unless_it_opens_a_pull_request() -> None:
    for path in workflows():
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}
        for name, job in workflow["jobs"].items():
            writes = {scope for scope, right in job["permissions"].items() if right == "write"}
            assert writes == ({"contents", "pull-requests"} if name == "update" else set())


def workflows() -> list[Path]:
    return [path for folder in (ROOT, INSTANCE) for path in (folder / ".github/workflows").glob("*.yml")]
