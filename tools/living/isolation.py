"""Does adding a module to a database wait for another module's tables, or touch them?"""

import json
import subprocess
from pathlib import Path
from typing import Any

from living.matrix import Shelf
from living.project import MODULES, environment, twin

ON_POSTGRES = Path(__file__).with_name("on_postgres.py")


def migrated_beside(project: Path, first: str, second: str) -> dict[str, Any]:
    """Return what came of migrating a module while all tables of another were held; the project is installed."""
    return on_postgres(project, "isolation", first, second)


def on_postgres(project: Path, *arguments: str) -> dict[str, Any]:
    """Run on_postgres.py in the project's own environment."""
    command = [str(project / ".venv/bin/python"), str(ON_POSTGRES), *arguments]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def installed(shelf: Shelf, tags: list[str], modules: int) -> Path:
    """Return a project of the latest release with its own environment."""
    project = twin(shelf.project(tags[-1], MODULES[:modules]), shelf.folder / "installed")
    subprocess.run(["uv", "sync", "--quiet"], cwd=project, env=environment(), check=True)
    return project


def measure(shelf: Shelf, tags: list[str]) -> dict[str, Any]:
    """Return the figures, and what is wrong with them."""
    found = migrated_beside(installed(shelf, tags, 2), "tech_cc", "biz_crm")
    # A migration that had to wait would have failed after the lock time-out of env.py.
    return found | {"faults": [f"migrating crm takes {lock}" for lock in found["locks_of_others"]]}
