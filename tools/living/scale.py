"""What a project of 1, 10, 30 or 100 modules costs to change, examine, start and migrate."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from living.isolation import on_postgres
from living.matrix import Shelf
from living.project import commit, environment, run_well, spawn, twin

BOOT = """
import resource, time
started = time.perf_counter()
import src.cos_main
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
COLUMNS = ("add", "update all", "remove", "doctor", "boot", "boot, MB", "upgrade heads", "upgrade heads, MB")


def measure(shelf: Shelf, tags: list[str], *, sizes: Sequence[int]) -> dict[str, Any]:
    """Return a row for each size: seconds, and megabytes where the column says so."""
    project = spawn(shelf.template, shelf.folder / "grown", release=tags[-2])
    rows, size = [], 1
    for wanted in sorted(sizes):
        for number in range(size + 1, wanted + 1):
            run_well(project, "generate", "biz", f"m{number:03}")
        size = wanted
        if size > 1:
            commit(project, f"{size} modules")
        rows.append([size, *_figures(twin(project, shelf.folder / "measured"))])
    return {"columns": COLUMNS, "rows": rows}


def _figures(project: Path) -> list[float]:
    subprocess.run(["uv", "sync", "--quiet"], cwd=project, env=environment(), check=True)
    generate_s = run_well(project, "generate", "ops", "pem").took_s
    doctor_s = min(run_well(project, "doctor").took_s for _ in range(2))
    remove_s = run_well(project, "remove", "pem").took_s
    boot = [_boot(project) for _ in range(3)][-1]
    migrated = on_postgres(project, "heads")
    update_s = run_well(project, "update").took_s
    return [generate_s, update_s, remove_s, doctor_s, *boot, migrated["seconds"], migrated["megabytes"]]


def _boot(project: Path) -> list[float]:
    python = str(project / ".venv/bin/python")
    done = subprocess.run(
        [python, "-c", BOOT], cwd=project, env=environment(), check=True, capture_output=True, text=True
    )
    return [float(word) for word in done.stdout.split()]
