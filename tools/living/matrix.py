"""Old releases x edits of users x sets of modules, each updated to the latest release: is every edit accounted for?"""

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Lock

from living.edits import KINDS, Desk, Edit, edit_function
from living.project import MODULES, Ending, commit, git, run, snapshot_of, spawn, twin

CONFLICT = 3  # the exit status of a conflict that needs a person
MARKS = re.compile(rb"(?m)^(<{7}|={7}|>{7}).*\n")
NAMING = ("conflict", "dropped by the template but edited by you", "kept because you edited it", "removed")


@dataclass
class Shelf:
    """Projects as the releases made them, each made once."""

    template: Path
    folder: Path
    locks: dict[Path, Lock] = field(default_factory=lambda: defaultdict(Lock))

    def project(self, release: str, modules: Sequence[tuple[str, str]]) -> Path:
        """Return the project of that release with those modules; never change it, copy it."""
        folder = self.folder / "-".join([release, *(name for _domain, name in modules)])
        with self.locks[folder]:
            return folder if folder.exists() else spawn(self.template, folder, release=release, modules=modules)


@dataclass(frozen=True, slots=True)
class Trial:
    """One project, edited and updated; `faults` says what must not be."""

    release: str
    modules: int
    edits: list[tuple[str, str]]
    faults: list[str]
    status: int


@dataclass
class Tally:
    """What became of all edits: `there`, `conflict`, `reported` or `lost`, by kind of edit."""

    fates: Counter[tuple[str, str]] = field(default_factory=Counter)
    trials: list[Trial] = field(default_factory=list)

    def count(self, fate: str) -> int:
        """Return the edits that had this fate."""
        return sum(count for (_kind, each), count in self.fates.items() if each == fate)

    @property
    def faults(self) -> list[str]:
        """Everything that must not be, with the draw that led to it."""
        return [f"{trial.release} {trial.edits}: {fault}" for trial in self.trials for fault in trial.faults]


def trials(shelf: Shelf, releases: Sequence[str], *, draws: int, seed: int, jobs: int = 1) -> Tally:
    """Make draws from every release but the last, which all update to; `jobs` is how many run at a time."""

    def trial(release: str, number: int) -> Tally:
        draw = Random(f"{seed} {release} {number}")  # noqa: S311  # nosec B311  # a draw that can be had again, no secret
        tally = Tally()
        modules = MODULES[: draw.randint(0, len(MODULES))]
        with tempfile.TemporaryDirectory(dir=shelf.folder) as scratch:
            project = twin(shelf.project(release, modules), Path(scratch) / "project")
            tally.trials.append(_trial(project, release, len(modules), draw, tally))
        return tally

    whole = Tally()
    pairs = [(release, number) for number in range(draws) for release in releases[:-1]]
    with ThreadPoolExecutor(jobs) as pool:
        for tally in pool.map(lambda pair: trial(*pair), pairs):
            whole.fates += tally.fates
            whole.trials += tally.trials
            print(*(tally.faults or ["."]), sep="\n", flush=True)
    return whole


def _trial(project: Path, release: str, modules: int, draw: Random, tally: Tally) -> Trial:
    desk = Desk(project, draw, taken=set())
    wanted = draw.sample(KINDS, draw.randint(1, 4))
    edits = [edit for kind in wanted if (edit := kind(desk))] or [edit_function(desk)]
    unmade = [f"{edit.kind} in {edit.path} is not there at once" for edit in edits if not edit.is_there(project)]
    commit(project, "edited by a user")
    before, head = snapshot_of(project), git(project, "rev-parse", "HEAD")
    known = _findings(project)
    preview = run(project, "update", "--preview", "--json")
    ending = run(project, "update", "--json")
    faults = [*unmade, *_of_ending(preview, ending)]
    if preview.status != 1 and snapshot_of(project) != before and ending.status != 0:
        changed = {path for path, _ in snapshot_of(project).items() ^ before.items()}
        faults += [f"{path} changed" for path in changed]
    if ending.status != 0 and git(project, "rev-parse", "HEAD") != head:
        faults.append("the branch moved")
    if ending.status in (0, CONFLICT):
        faults += _account(project, edits, ending, tally)
    if ending.status == CONFLICT:
        faults += _settle(project, edits)
    faults += [f"the doctor finds {each}" for each in _findings(project) if each not in known]
    faults += [f"git status: {line}" for line in git(project, "status", "--porcelain").splitlines()]
    return Trial(release, modules, [(edit.kind, edit.path) for edit in edits], faults, ending.status)


def _of_ending(preview: Ending, ending: Ending) -> Iterator[str]:
    if ending.status not in (0, CONFLICT):
        yield f"status {ending.status}: {ending.output}{ending.complaint}"
    if preview.status != ending.status:
        yield f"the preview said {preview.status}, and it was {ending.status}: {preview.complaint}"
    elif preview.document["changes"] != ending.document["changes"]:
        yield "the preview named other changes"


def _findings(project: Path) -> list[str]:
    return [f"{each['code']} {each['what']}" for each in run(project, "doctor", "--json").document["findings"]]


def _account(project: Path, edits: Sequence[Edit], ending: Ending, tally: Tally) -> Iterator[str]:
    """Note the fate of each edit, and yield those that are lost without a word."""
    place = project / ".dev/update" if ending.status == CONFLICT else project
    told = {change["path"]: change["class"] for change in ending.document["changes"]}
    for edit in edits:
        fate = "lost"
        if edit.is_there(place):
            fate = "there"
        elif any(kind == "conflict" and Path(path).name == Path(edit.path).name for path, kind in told.items()):
            fate = "conflict"
        elif told.get(edit.path) in NAMING:
            fate = "reported"
        tally.fates[edit.kind, fate] += 1
        if fate == "lost":
            yield f"{edit.kind} in {edit.path} is lost, told: {told.get(edit.path)}"


def _settle(project: Path, edits: Sequence[Edit]) -> Iterator[str]:
    """Settle all conflicts by keeping both sides, land the update, and yield what is wrong then."""
    place = project / ".dev/update"
    there = [edit for edit in edits if edit.is_there(place)]
    rows = git(place, "ls-files", "--unmerged").splitlines()
    for path in sorted({row.partition("\t")[2] for row in rows}):
        if (place / path).is_file():
            (place / path).write_bytes(MARKS.sub(b"", (place / path).read_bytes()))
    git(place, "add", "--all")
    ending = run(project, "update", "--continue")
    if ending.status != 0:
        yield f"--continue ended with {ending.status}: {ending.complaint}"
        run(project, "update", "--abandon")
        return
    if place.exists():
        yield "the settled update is still laid out"
    yield from (f"{edit.kind} in {edit.path} is lost by --continue" for edit in there if not edit.is_there(project))
