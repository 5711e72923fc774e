"""Work out what a release makes of a project: what of it changed, and what git cannot merge by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .answers import Module
from .host import HOST_LISTS, heal, strip
from .merge import Blob, Conflict, Tree, merge, read_blob, read_tree, write_blob, write_blobs
from .project import HOST_ANSWERS, Project
from .region import RegionError
from .releases import NOTES_FILE, Notes, notes_between
from .render import Job, rendering
from .report import Change, Kind, RefusalError, say
from .source import MARK_OF_MODULE, Source


@dataclass(frozen=True, slots=True)
class Part:
    """The host, or a module: what is updated by itself, and has answers of its own."""

    module: Module | None
    answers: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`host`, or the module's label."""
        return self.module.label if self.module else "host"

    @property
    def answers_file(self) -> str:
        """The file that holds its answers."""
        return self.module.answers_file if self.module else HOST_ANSWERS

    @property
    def release(self) -> str:
        """The release of the template that it has."""
        return str(self.answers["_commit"])


@dataclass(frozen=True, slots=True)
class Target:
    """The release to update to."""

    source: Source
    commit: str
    release: str


@dataclass(frozen=True, slots=True)
class Sides:
    """A part as its release made it, as its user has it, and as the target makes it."""

    base: Tree
    ours: Tree
    theirs: Tree


@dataclass(slots=True)
class Outcome:
    """The project's files after an update, by their way from its folder, and what became of each."""

    files: dict[str, Blob] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def work_out(project: Project, parts: Sequence[Part], modules: Sequence[Module], target: Target, scratch: Path) -> Outcome:
    """Return what the parts become at the target; nothing of the project is changed.

    Each part is merged by itself, so that a file can only be taken for one of its own part under another name.

    Raises:
        RefusalError: A host file or an answer is in the way.
    """
    theirs_of, bases_of = _renders(project, parts, target, scratch)
    files = read_tree(project.folder, f"HEAD:{project.prefix}")
    ours_of = _by_owner(files, modules)
    outcome = Outcome(files=dict(files))
    for part in parts:
        sides = Sides(bases_of[part.name], ours_of[part.module], theirs_of[part.name])
        _merge_part(project, part, sides, outcome, modules, target, scratch)
    return outcome


def notes_for(part: Part, target: Target) -> dict[str, Notes]:
    """Return what the releases between the part's and the target say."""
    return notes_between(target.source.read(target.commit, NOTES_FILE), after=part.release, until=target.release)


def _renders(
    project: Project, parts: Sequence[Part], target: Target, scratch: Path
) -> tuple[dict[str, Tree], dict[str, Tree]]:
    """Return each part as the target renders it and as its own release did, the two side by side."""
    new = [_job(part, target.source, target.commit, target.release, _renamed(part, target), scratch / "new") for part in parts]
    old = [_job(part, target.source, _commit_of(part, target), part.release, part.answers, scratch / "old") for part in parts]
    say(f"rendering {', '.join(part.name for part in parts)} at {target.release} and as it was")
    with rendering(new) as new_way, rendering(old) as old_way:
        paths_of = [*new_way.paths(), *old_way.paths()]
    files = [Path(job.destination, path) for job, paths in zip([*new, *old], paths_of, strict=True) for path in paths]
    names = iter(write_blobs(project.folder, files))
    trees = [
        {path: Blob("100755" if _is_executable(Path(job.destination, path)) else "100644", next(names)) for path in paths}
        for job, paths in zip([*new, *old], paths_of, strict=True)
    ]
    labels = [part.name for part in parts]
    return dict(zip(labels, trees[: len(parts)], strict=True)), dict(zip(labels, trees[len(parts) :], strict=True))


def _job(part: Part, source: Source, commit: str, release: str, answers: Mapping[str, Any], folder: Path) -> Job:
    template = source.folder(commit, of_module=part.module is not None)
    plain = {key: value for key, value in answers.items() if not key.startswith("_")}
    destination = str(folder / part.name)
    return Job(str(template), destination, plain, part.answers_file, release=release, address=source.address)


def _commit_of(part: Part, target: Target) -> str:
    commit = target.source.commit_of(part.release)
    if commit is None:
        raise RefusalError(
            f"{part.answers_file}: the template at {target.source.address} has no release {part.release}, from which "
            f"{part.name} came. Put the release that it has most in common with as _commit."
        )
    return commit


def _renamed(part: Part, target: Target) -> dict[str, Any]:
    """Return the part's answers under the names that questions have by now."""
    answers = dict(part.answers)
    for notes in notes_for(part, target).values():
        for before, now in notes.questions.items():
            if before in answers:
                answers.setdefault(now, answers.pop(before))
    return answers


def _merge_part(
    project: Project, part: Part, sides: Sides, outcome: Outcome, modules: Sequence[Module], target: Target, scratch: Path
) -> None:
    """Merge a part, and put what came of it into the outcome."""
    seen = _without_entries(project, sides.ours, modules) if part.module is None else _without_seal(sides, part.module)
    moves = _declared_moves(part, target, sides)
    merged = merge(
        project.folder,
        base=_moved(sides.base, moves),
        ours=_moved(seen, moves),
        theirs=sides.theirs,
        labels=("yours", f"gold slice {target.release}"),
        scratch=scratch,
    )
    files = _with_entries(project, merged.files, modules) if part.module is None else merged.files
    for path in sides.ours:
        del outcome.files[path]
    outcome.files |= files
    outcome.conflicts += merged.conflicts
    outcome.changes += [Change(part.name, kind, path) for path, kind in _kinds(sides.ours, files, merged.kinds).items()]


def _kinds(ours: Tree, files: Tree, told: Mapping[str, Kind]) -> dict[str, Kind]:
    """Return what happens to each file that changes, and to each whose edit had a say in it."""
    changed = {path for path in ours.keys() | files.keys() if ours.get(path) != files.get(path)}
    plain = {path: _plain_kind(path, ours, files) for path in changed}
    edited = {Kind.KEPT, Kind.DROPPED, Kind.CONFLICT}
    return plain | {path: kind for path, kind in told.items() if path in changed or kind in edited}


def _by_owner(files: Tree, modules: Sequence[Module]) -> dict[Module | None, dict[str, Blob]]:
    """Return the files of each module, and under None those of the host."""
    owner_of = {folder.rstrip("/"): module for module in modules for folder in module.folders}
    owner_of |= {module.answers_file: module for module in modules}
    trees: dict[Module | None, dict[str, Blob]] = {module: {} for module in (None, *modules)}
    for path, blob in files.items():
        parts = path.split("/")
        ways = ("/".join(parts[:depth]) for depth in range(1, 5))
        trees[next((owner_of[way] for way in ways if way in owner_of), None)][path] = blob
    return trees


def _without_entries(project: Project, ours: Tree, modules: Sequence[Module]) -> dict[str, Blob]:
    """Return the host's files with the modules' entries out of the way, as the template has them."""
    stripped, problems = dict(ours), []
    for listing in HOST_LISTS:
        entries = [entry for module in modules for entry in listing.entries_of(module)]
        try:
            blob = ours[listing.path]
            contents = strip(read_blob(project.folder, blob), listing.name, entries)
            stripped[listing.path] = Blob(blob.mode, write_blob(project.folder, contents))
        except KeyError:
            problems.append(f"{listing.path} is not in the last commit. Fix: restore it from git, and commit.")
        except RegionError as broken:
            problems += [f"{listing.path}{fault}" for fault in broken.faults]
    if problems:
        raise RefusalError(*problems)
    return stripped


def _with_entries(project: Project, files: Mapping[str, Blob], modules: Sequence[Module]) -> dict[str, Blob]:
    """Return the host's files with the modules' entries back in their lists, as far as a conflict allows."""
    healed = dict(files)
    for listing in HOST_LISTS:
        entries = [entry for module in modules for entry in listing.entries_of(module)]
        if blob := files.get(listing.path):
            try:
                contents = heal(read_blob(project.folder, blob), listing.name, entries)
            except RegionError:  # the list itself is in conflict: it is filled when that is settled
                continue
            healed[listing.path] = Blob(blob.mode, write_blob(project.folder, contents))
    return healed


def _without_seal(sides: Sides, module: Module) -> dict[str, Blob]:
    """Return the module's files as if nobody had touched its seal, which is never merged."""
    return {**sides.ours, module.seal: sides.base[module.seal]}


def _declared_moves(part: Part, target: Target, sides: Sides) -> dict[str, str]:
    """Return the renames that the releases on the way declare, in the part's own names, old to new."""
    moves: dict[str, str] = {}
    name = part.module.name if part.module else ""
    for notes in notes_for(part, target).values():
        for before, now in notes.renamed.items():
            old, new = (path.replace(MARK_OF_MODULE, name) for path in (before, now))
            origin = next((start for start, end in moves.items() if end == old), old)
            moves[origin] = new
    return {old: new for old, new in moves.items() if old in sides.base and new in sides.theirs and new not in sides.ours}


def _moved(tree: Tree, moves: Mapping[str, str]) -> dict[str, Blob]:
    return {moves.get(path, path): blob for path, blob in tree.items()}


def _plain_kind(path: str, ours: Tree, files: Tree) -> Kind:
    if path not in ours:
        return Kind.ADDED
    return Kind.UPDATED if path in files else Kind.REMOVED


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)
