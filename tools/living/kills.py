"""Commands killed at random moments: is the project afterwards as it was, or as it should be, and never in between?"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from living.project import (
    UPDATE,
    Ending,
    Snapshot,
    command_line,
    commit,
    environment,
    git,
    run,
    snapshot_of,
    twin,
)
from living.releases import FOURTH_LIST, LIST_MOVES, NEW_HOME_OF_SLICES

LANDING_S = 0.06  # changing the files takes about as long, of a second or more that a command takes
STATE = ".git/gold-slice/top"
LANDING = f"{STATE}/pending"  # present while files change
WAITING = f"{STATE}/update.json"  # present while an update waits for a person
CONFLICT = 3
END_OF_CONFLICT = re.compile(rb"(?m)^>{7} .*$")


@dataclass(frozen=True, slots=True)
class Scene:
    """A project before a command, and a copy of it after; `status` is how the command ends."""

    name: str
    command: tuple[str, ...]
    before: Path
    after: Path
    status: int
    took_s: float

    @property
    def compares_work_tree(self) -> bool:
        """Return whether the work tree of the update is a result of the command."""
        return self.status == CONFLICT


@dataclass
class Toll:
    """What was found after the kills: how the files were, how many kills fell into the landing, and every fault."""

    stood: Counter[str] = field(default_factory=Counter)
    in_landing: int = 0
    faults: list[str] = field(default_factory=list)
    kills: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a command may change."""

    files: Snapshot
    status: str
    tree: str
    is_waiting: bool
    work_tree: Snapshot | None


def scene(name: str, project: Path, folder: Path) -> Scene:
    """Return a scene for a project of the release before the latest, with the module crm."""
    prepare, status, command = SCENES[name]
    before = prepare(project, folder)
    after = twin(before, folder / f"after {name}")
    ending = run(after, *command)
    assert ending.status == status, ending
    return Scene(name, command, before, after, status, ending.took_s)


def _as_it_is(project: Path, _folder: Path) -> Path:
    return project


def _edited(project: Path, folder: Path) -> Path:
    """Return a project that was edited where the latest release changes something."""
    edited = twin(project, folder / "edited")
    host = edited / "src/cos_main.py"
    host.write_text(re.sub("(?m)^    return .*$", r"\g<0>  # mine", host.read_text(), count=1))
    commit(edited, "edited where the release changes something")
    return edited


def _settled(project: Path, folder: Path) -> Path:
    """Return a project with an update that waits, and whose conflict is settled."""
    settled = _edited(project, folder)
    ending = run(settled, "update")
    assert ending.status == CONFLICT, ending
    shutil.copy(settled / "src/cos_main.py", settled / UPDATE / "src/cos_main.py")
    git(settled / UPDATE, "add", "src/cos_main.py")
    return settled


def _behind(project: Path, folder: Path) -> Path:
    """Return a project with a settled update, and with a commit that was made meanwhile."""
    settled = _settled(project, folder)
    (settled / "notes.md").write_text("Written while the update waits.\n")
    commit(settled, "made while the update waits")
    return settled


def _unregistered(project: Path, folder: Path) -> Path:
    """Return a project whose lists of modules have lost a module."""
    unregistered = twin(project, folder / "unregistered")
    for file in (NEW_HOME_OF_SLICES, LIST_MOVES[1], FOURTH_LIST):
        path = unregistered / file
        path.write_text(re.sub(r"(?m)^.*crm.*\n", "", path.read_text()))
    commit(unregistered, "lost a module")
    return unregistered


SCENES: dict[str, tuple[Callable[[Path, Path], Path], int, tuple[str, ...]]] = {
    "add": (_as_it_is, 0, ("generate", "ops", "pem")),
    "remove": (_as_it_is, 0, ("remove", "crm")),
    "doctor --fix": (_unregistered, 0, ("doctor", "--fix")),
    "update": (_as_it_is, 0, ("update",)),
    "update --no-commit": (_as_it_is, 0, ("update", "--no-commit")),
    "update, with a conflict": (_edited, CONFLICT, ("update",)),
    "update --continue": (_settled, 0, ("update", "--continue")),
    "update --continue, after a commit": (_behind, 0, ("update", "--continue")),
}


def series(scene: Scene, folder: Path, *, kills: int, whole_group: bool, seed: int) -> Toll:
    """Kill the command that many times, its process group or only itself, and examine the project each time."""
    draw, toll = Random(f"{seed} {scene.name} {whole_group}"), Toll()  # noqa: S311  # nosec B311  # to be had again, no secret
    old, new = (_state(scene, side) for side in (scene.before, scene.after))
    assert old != new, "a command that changes nothing cannot be killed half-way"
    while toll.kills < kills:
        project = twin(scene.before, folder / f"killed-{draw.getrandbits(32)}")  # git may outlive a kill
        if not _is_killed(scene, project, draw, whole_group=whole_group):
            continue
        toll.kills += 1
        toll.stood[_standing(project, old, new)] += 1
        toll.in_landing += _is_landing(project)
        faults = [*_complete(scene, project, draw, old, new)]
        toll.faults += [f"{scene.name}, whole group {whole_group}, kill {toll.kills}: {fault}" for fault in faults]
        if not (faults and "KEEP_KILLED" in os.environ):
            shutil.rmtree(project, ignore_errors=True)
    return toll


def _is_killed(scene: Scene, project: Path, draw: Random, *, whole_group: bool) -> bool:
    """Run the command and kill it: at any moment, or, two times of three, while it changes files.

    Return False where the command ended before.
    """
    process = subprocess.Popen(
        command_line(project, *scene.command),
        cwd=project, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    if draw.random() < 2 / 3:
        begins, lasts_s = (_has_work_tree, scene.took_s / 2) if scene.compares_work_tree else (_is_landing, LANDING_S)
        _wait_until(lambda: begins(project) or process.poll() is not None)
        time.sleep(draw.uniform(0, lasts_s))
    else:
        time.sleep(draw.uniform(0, scene.took_s))
    with suppress(ProcessLookupError):
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def _is_landing(project: Path) -> bool:
    return (project / LANDING).exists()


def _has_work_tree(project: Path) -> bool:
    return (project / UPDATE).exists()


def _wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.0005)


def _standing(project: Path, old: State, new: State) -> str:
    files = snapshot_of(project)
    return "old" if files == old.files else "new" if files == new.files else "in between"


def _complete(scene: Scene, project: Path, draw: Random, old: State, new: State) -> Iterator[str]:
    """Run the doctor, or not, and then the command again; yield what is wrong after each."""
    if draw.random() < 0.5:  # noqa: PLR2004
        ending = run(project, "doctor", "--fix", "--json")
        if ending.status != 0 and [each["code"] for each in ending.document["findings"]] != ["GS102"]:
            yield f"doctor --fix ended with {ending.status}: {ending.output}{ending.complaint}"
        found = _state(scene, project)
        if found not in (old, new):
            yield f"a mixture after doctor --fix: {_difference(found, old, new)}"
    ending = run(project, *scene.command)
    if not _is_fine(ending, scene):
        yield f"the command itself ended with {ending.status}: {ending.output}{ending.complaint}"
    found = _state(scene, project)
    if found != new:
        yield f"a mixture after the command itself: {_difference(found, old, new)}, {ending}"
    yield from (f"{path} is left" for path in (project / ".git").rglob("*.lock"))
    yield from (f"{path} is left" for path in project.rglob("*.gold-slice"))
    trees = git(project, "worktree", "list", "--porcelain").count("worktree ")
    if trees != 1 + found.is_waiting:
        yield f"{trees} work trees"
    if faults := git(project, "fsck", "--no-dangling", "--no-progress").strip():
        yield f"git fsck: {faults}"


def _is_fine(ending: Ending, scene: Scene) -> bool:
    """Return whether it did its work, or found it done already."""
    return ending.status == scene.status or (ending.status == 1 and "This is a bug" not in ending.complaint)


def _state(scene: Scene, project: Path) -> State:
    work_tree = None
    if (project / UPDATE).exists():
        work_tree = _without_names_of_commits(snapshot_of(project / UPDATE)) if scene.compares_work_tree else {}
    return State(
        snapshot_of(project),
        git(project, "status", "--porcelain"),
        git(project, "rev-parse", "HEAD^{tree}"),
        (project / WAITING).exists(),
        work_tree,
    )


def _without_names_of_commits(files: Snapshot) -> Snapshot:
    """Return the files with equal ends of conflicts: git writes the name of a temporary commit there."""
    return {path: (mode, END_OF_CONFLICT.sub(b"", contents)) for path, (mode, contents) in files.items()}


def _difference(found: State, old: State, new: State) -> str:
    sides = {"old": old, "new": new}
    paths = {
        name: sorted({path for path, _ in found.files.items() ^ side.files.items()}) for name, side in sides.items()
    }
    same_work_tree = [name for name, side in sides.items() if side.work_tree == found.work_tree]
    return f"{paths}, status {found.status!r}, tree {found.tree}, waits {found.is_waiting}, {same_work_tree}"
