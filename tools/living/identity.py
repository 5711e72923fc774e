"""Modules added and removed again in any order, from any folder: is every byte as it was?"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from living.project import git, run, snapshot_of

NAMES = ("aa", "crm", "pem", "order_desk", "z9", "inbox_of_all")
FOLDERS = (".", "src", "src/backend", "tests/unit", "docs")


def identity_faults(project: Path, *, seed: int) -> Iterator[str]:
    """Generate some modules, remove them, and yield what differs from before."""
    draw = Random(seed)  # noqa: S311  # nosec B311  # a draw that can be had again, no secret
    before = snapshot_of(project), git(project, "status", "--porcelain")
    names = draw.sample(NAMES, draw.randint(1, 3))
    for name in names:
        yield from _run(project, draw, "generate", draw.choice(("biz", "zk")), name)
        compiled = project / f"src/backend/{name}/__pycache__/crud.cpython-313.pyc"
        compiled.parent.mkdir(exist_ok=True)
        compiled.write_bytes(b"byte code")
    for name in draw.sample(names, len(names)):
        yield from _run(project, draw, "remove", name)
    after = snapshot_of(project), git(project, "status", "--porcelain")
    if after != before:
        yield f"after {names}: {sorted(path for path, _ in before[0].items() ^ after[0].items())}, {after[1]!r}"
    yield from (f"{path} is left" for path in project.rglob("crud*.pyc") if not (path.parents[1] / "crud.py").exists())


def _run(project: Path, draw: Random, command: str, *arguments: str) -> Iterator[str]:
    ending = run(project, command, *arguments, within=draw.choice(FOLDERS))
    if ending.status != 0:
        yield f"{command} {arguments} ended with {ending.status}: {ending.complaint}"
