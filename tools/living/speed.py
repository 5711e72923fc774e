"""What the commands cost, as launchers install them, beside `copier --version` in the same run; and sizes."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from living.matrix import Shelf
from living.project import MODULES, environment, run, spawn, twin
from render import ROOT

TEN = [MODULES[0], *(("biz", f"m{number:02}") for number in range(2, 11))]


def measure(shelf: Shelf, tags: list[str], *, runs: int) -> dict[str, Any]:
    """Return rows of what was done, its median in seconds, and the aim as a factor or in seconds."""
    old, place, cache = tags[-2], shelf.folder / "speed", shelf.folder / "installed-commands"
    two = shelf.project(old, MODULES[:2])
    ten = spawn(shelf.template, shelf.folder / "ten", release=old, modules=TEN)
    os.environ["GOLD_SLICE_CACHE"] = str(cache)  # commands that launchers install, not those of provide_command

    def timed(project: Path, command: str, *arguments: str, status: int = 0) -> float:
        shutil.rmtree(cache / "renders", ignore_errors=True)
        copy = twin(project, place)
        ending = run(copy, command, *arguments)
        assert ending.status == status, ending
        return ending.took_s

    def first() -> float:
        shutil.rmtree(cache, ignore_errors=True)
        return timed(two, "doctor")

    def warm() -> float:
        """Install the commands of both releases, and keep their byte code."""
        return sum(run(twin(two, place), *words).took_s for words in (("update",), ("generate", "ops", "pem")))

    works: list[tuple[str, str, Callable[[], float]]] = [
        ("`copier --version`", "", _version),
        ("the first command of a release on a machine (packages downloaded before)", "< 3 s", first),
        ("(the commands of both releases are installed)", "", warm),
        ("add", "≤ 2.5 ×", lambda: timed(two, "generate", "ops", "pem")),
        ("add --preview", "≤ add", lambda: timed(two, "generate", "ops", "pem", "--preview")),
        ("add, refused for its name", "< 0.4 s", lambda: timed(two, "generate", "biz", "class", status=1)),
        ("add, refused for a collision", "< 0.4 s", lambda: timed(two, "generate", "biz", "crm", status=1)),
        ("doctor", "< 0.4 s", lambda: timed(two, "doctor")),
        ("remove", "< 0.4 s", lambda: timed_with_renders(two, "remove", "crm")),
        ("update of host and two modules", "≤ 5 s", lambda: timed(two, "update")),
        ("update of host and two modules, --preview", "≤ update", lambda: timed(two, "update", "--preview")),
        ("update of host and ten modules", "", lambda: timed(ten, "update")),
    ]

    def timed_with_renders(project: Path, command: str, *arguments: str) -> float:
        """Time a command whose module this user has added, so that its render is in the cache."""
        run(twin(project, place), command, *arguments, "--preview")
        ending = run(twin(project, place), command, *arguments)
        assert ending.status == 0, ending
        return ending.took_s

    # One of each in turn, so that whatever else the machine does slows all of them alike.
    rounds = [[work() for _what, _aim, work in works] for _ in range(runs)]
    medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
    rows = [
        [what, took_s, took_s / medians[0], aim]
        for (what, aim, _work), took_s in zip(works, medians, strict=True)
        if not what.startswith("(")
    ]
    return {"rows": rows, "runs": runs, "load": os.getloadavg()[0], "sizes": _sizes(two)}


def _version() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "copier", "--version"], env=environment(), check=True, capture_output=True)
    return time.perf_counter() - started


def _sizes(project: Path) -> list[list[Any]]:
    """Return rows of what is counted, the count, and the aim."""
    names = ("launcher", "doctor", "generate_module", "remove_module", "update_modules")
    launchers = [ROOT / "template" / "scripts" / f"{name}.py" for name in names]  # the releases here add lines to them
    machinery = [*(ROOT / "gold_slice").glob("*.py"), *(ROOT / "hooks").glob("*.py")]
    fresh = [path for path in project.rglob("*.py") if "crm" not in path.parts]
    return [
        ["machinery (package and hooks), lines", _lines(machinery), "≤ 2,000"],
        ["launchers in a project, lines", _lines(launchers), "< 120"],
        ["Python files of a project with one module", len(fresh), "< 115"],
    ]


def _lines(files: list[Path]) -> int:
    return sum(len(file.read_text().splitlines()) for file in files)
