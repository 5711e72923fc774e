"""Commands killed at random moments: is the project afterwards as it was, or as it should be, and never in between?"""

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from living.project import Ending, Snapshot, command_line, environment, git, run, snapshot_of, twin

AT_ONCE_S = 0.03  # the change itself takes this long, of a second or more that a command takes in all


@dataclass(frozen=True, slots=True)
class Scene:
    """A project before a command, and a copy of it after."""

    name: str
    arguments: tuple[str, ...]
    before: Path
    after: Path
    took_s: float


@dataclass
class Toll:
    """What was found after the kills: how the project stood at once, and every fault after it was mended."""

    stood: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    kills: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a command may change."""

    files: Snapshot
    status: str
    tree: str


def scene(project: Path, folder: Path, command: str, *arguments: str) -> Scene:
    """Return a scene of the command, which ends well in a copy of the project."""
    after = twin(project, folder / f"after-{command}-{'-'.join(arguments).strip('-')}")
    ending = run(after, command, *arguments)
    assert ending.status == 0, ending
    return Scene(command, arguments, project, after, ending.took_s)


def series(scene: Scene, folder: Path, *, kills: int, whole_group: bool, seed: int) -> Toll:
    """Kill the command that many times, its whole process group or itself alone, and mend the project each time."""
    draw, toll = Random(f"{seed} {scene.name} {whole_group}"), Toll()  # noqa: S311  # nosec B311  # to be had again, no secret
    old, new = (_state(side) for side in (scene.before, scene.after))
    assert old != new, "a command that changes nothing cannot be killed half-way"
    for _ in range(kills):
        project = twin(scene.before, folder / f"killed-{scene.name}-{toll.kills}")  # git may outlive us in the last one
        _kill(scene, project, draw, whole_group=whole_group)
        toll.kills += 1
        toll.stood[_standing(project, old, new)] += 1
        toll.faults += [f"{scene.name}, kill {toll.kills}: {fault}" for fault in _mend(scene, project, draw, old, new)]
        shutil.rmtree(project, ignore_errors=True)
    return toll


def _kill(scene: Scene, project: Path, draw: Random, *, whole_group: bool) -> None:
    """Run the command and kill it: at any moment, or every other time while it changes files."""
    process = subprocess.Popen(
        command_line(project, scene.name, *scene.arguments),
        cwd=project, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    if draw.random() < 0.5:  # noqa: PLR2004
        _wait_until(lambda: (project / ".git/gold-slice/top/journal").exists() or process.poll() is not None)
        time.sleep(draw.uniform(0, AT_ONCE_S))
    else:
        time.sleep(draw.uniform(0, scene.took_s))
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.0005)


def _standing(project: Path, old: State, new: State) -> str:
    files = snapshot_of(project)
    return "old" if files == old.files else "new" if files == new.files else "in between"


def _mend(scene: Scene, project: Path, draw: Random, old: State, new: State) -> Iterator[str]:
    """Let the doctor mend the project, or the command itself, and yield what is wrong afterwards."""
    mends_itself = draw.random() < 0.5  # noqa: PLR2004
    ending = run(project, scene.name, *scene.arguments) if mends_itself else run(project, "doctor", "--fix")
    if not _is_fine(ending, mends_itself=mends_itself):
        yield f"the next command ended with {ending.status}: {ending.output}{ending.complaint}"
    found = _state(project)
    if found not in ((new,) if mends_itself else (old, new)):
        yield f"a mixture after {'the command' if mends_itself else 'doctor --fix'}: {_difference(found, old, new)}"
    yield from (f"{path} is left" for path in (project / ".git").rglob("*.lock"))
    yield from (f"{path} is left" for path in project.rglob("*.gold-slice"))
    if faults := git(project, "fsck", "--no-dangling", "--no-progress").strip():
        yield f"git fsck: {faults}"


def _is_fine(ending: Ending, *, mends_itself: bool) -> bool:
    """Say whether it did its work, or found it done already."""
    return ending.status == 0 or (mends_itself and ending.status == 1 and "Traceback" not in ending.complaint)


def _state(project: Path) -> State:
    return State(snapshot_of(project), git(project, "status", "--porcelain"), git(project, "rev-parse", "HEAD^{tree}"))


def _difference(found: State, old: State, new: State) -> str:
    sides = {"old": old, "new": new}
    paths = {
        name: sorted({path for path, _ in found.files.items() ^ side.files.items()}) for name, side in sides.items()
    }
    return f"{paths}, status {found.status!r}, tree {found.tree}"
