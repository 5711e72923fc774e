"""What the commands cost, beside `copier --version` in the same environment and run."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from living.matrix import Shelf
from living.project import MODULES, environment, run, spawn, twin

TEN = [MODULES[0], *(("biz", f"m{number:02}") for number in range(2, 11))]

PREVIEWS = {"generate": "--preview", "update": "--preview", "remove": "--trace", "doctor": "--preview"}


def measure(shelf: Shelf, tags: list[str], *, runs: int) -> dict[str, Any]:
    """Return rows of what was done, its median in seconds, and the aim as a factor or in seconds."""
    old, place = tags[-2], shelf.folder / "speed"
    one = shelf.project(old, MODULES[:1])
    ten = spawn(shelf.template, shelf.folder / "ten", release=old, modules=TEN)
    two = shelf.project(old, MODULES[:2])

    def timed(project: Path, command: str, *arguments: str, status: int = 0) -> float:
        copy = twin(project, place)
        run(copy, command, *arguments, PREVIEWS[command])  # so that byte code and the release are there
        ending = run(copy, command, *arguments)
        assert ending.status == status, ending
        return ending.took_s

    works: list[tuple[str, str, Callable[[], float]]] = [
        ("`copier --version`", "", _version),
        ("generate", "≤ 1.5 ×", lambda: timed(one, "generate", "biz", "pem")),
        ("generate, preview", "≤ generate", lambda: timed(one, "generate", "biz", "pem", "--preview")),
        ("update of host and one module", "≤ 3 ×", lambda: timed(one, "update")),
        ("update of host and one module, preview", "≤ update", lambda: timed(one, "update", "--preview")),
        ("update of host and ten modules", "≤ 8 ×", lambda: timed(ten, "update")),
        ("update of host and ten modules, preview", "≤ update", lambda: timed(ten, "update", "--preview")),
        ("doctor", "< 0.5 s", lambda: timed(two, "doctor")),
        ("remove --trace", "< 0.5 s", lambda: timed(two, "remove", "crm", "--trace")),
        ("remove", "< 0.5 s", lambda: timed(two, "remove", "crm")),
        ("generate, refused for its name", "< 0.5 s", lambda: timed(two, "generate", "biz", "class", status=1)),
        ("generate, refused for a collision", "< 0.5 s", lambda: timed(two, "generate", "biz", "crm", status=1)),
    ]
    # One of each in turn, so that whatever else the machine does slows all of them alike.
    rounds = [[work() for _what, _aim, work in works] for _ in range(runs)]
    medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
    rows = [[what, took_s, took_s / medians[0], aim] for (what, aim, _work), took_s in zip(works, medians, strict=True)]
    return {"rows": rows, "runs": runs}


def _version() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "copier", "--version"], env=environment(), check=True, capture_output=True)
    return time.perf_counter() - started
