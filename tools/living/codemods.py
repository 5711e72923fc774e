"""What codemods cost: an update of a project with many files of the user's own, with codemods and without."""

import os
import shutil
import statistics
from pathlib import Path
from random import Random
from typing import Any

from living.history import START, TAG, history, write_code
from living.project import commit, git, provide_command, run, spawn, twin

FILES = 300
PLAIN = '"""Ours: plain code."""\n\n\n' + "".join(
    f"def function_{number}(value: int) -> int:\n    return value + {number}\n\n\n" for number in range(30)
)


def measure(folder: Path, *, runs: int) -> dict[str, Any]:
    """Return the medians of both in seconds of CPU time, which other work on the machine hardly changes.

    Both run in turn with warm caches; a quarter of the files call what changed.
    """
    template, old = history(folder)
    bare = shutil.copytree(template, folder / "without", symlinks=True)
    (bare / "gold_slice/codemods/v0_1_0.py").write_text("CODEMODS = []\n")
    commit(bare, "without codemods")
    git(bare, "tag", "--force", TAG)
    provide_command(bare, TAG)
    projects = [old, spawn(bare, folder / "old without", release=START)]
    for project in projects:
        _add_files(project)

    def seconds(project: Path) -> float:
        copy, before = twin(project, folder / "timed"), os.times()
        ending = run(copy, "update", "--to", TAG)
        assert ending.status == 0, ending
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    rounds = [[seconds(project) for project in projects] for _ in range(runs + 1)][1:]  # the first fills the caches
    codemods, without = (statistics.median(times) for times in zip(*rounds, strict=True))
    return {"files": FILES, "runs": runs, "with": codemods, "without": without, "load": os.getloadavg()[0]}


def _add_files(project: Path) -> None:
    """Add and commit files: a quarter uses what was renamed, in a drawn form each, and the others are plain code."""
    count = 0
    for number in range(FILES // 36):  # `write_code` writes nine files
        for name in write_code(project, Random(number)):  # noqa: S311  # nosec B311  # a draw that can be had again
            path = project / name
            path.rename(path.with_name(f"theirs_{number}_{path.name}"))
            count += 1
    for path in (project / "tests/unit").glob("test_ours_*.py"):
        path.unlink()
    (project / "src/plain").mkdir()
    for number in range(FILES - count):
        (project / f"src/plain/plain_{number}.py").write_text(PLAIN)
    commit(project, "files of ours")
