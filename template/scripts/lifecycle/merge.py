"""Carry what a release changed into what a user made of the last one: git's three-way merge, on git's objects alone.

Nothing here touches a work tree, an index or a branch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .git import GitError, run_git
from .objects import Blob, Tree, commit, index_lines, read_blob, read_tree, write_blob, write_tree
from .report import Kind

BASE, OURS, THEIRS = 1, 2, 3  # the stages of git's index
# As git does it unless a user's settings say otherwise.
SETTINGS = ["-c", "merge.renames=true", "-c", "merge.directoryRenames=conflict", "-c", "merge.conflictStyle=merge"]
MERGE = (*SETTINGS, *["merge-tree", "--write-tree", "-z", "--no-messages"])


@dataclass(frozen=True, slots=True)
class Sides:
    """A part as its release made it, as its user has it, and as another release makes it."""

    base: Tree
    ours: Tree
    theirs: Tree


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that a person has to settle, with what each side has of it, by stage."""

    path: str
    stages: Mapping[int, Blob]


@dataclass(slots=True)
class Merged:
    """The files after a merge, those with conflicts among them, and what happened to each that was touched."""

    files: dict[str, Blob] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


def merge(repository: Path, sides: Sides, *, labels: tuple[str, str], scratch: Path) -> Merged:
    """Return our files with what changed from base to theirs.

    A file that they dropped and we edited is kept. One that we deleted and they changed stays deleted. A file that we
    renamed takes their changes under our name. The labels are what conflict markers call our side and theirs.
    """
    sides = _with_our_line_ends(repository, sides)
    merged = _merged_by_git(repository, sides, labels, scratch) if _hard(sides) else Merged(_picked(sides))
    merged.kinds = _kinds(sides, merged)
    return merged


def _hard(sides: Sides) -> list[str]:
    """Return the files that need a look inside: neither side left them alone, and each did something else."""
    base, ours, theirs = sides.base, sides.ours, sides.theirs
    return [
        path
        for path in base.keys() | theirs.keys()
        if theirs.get(path) not in (base.get(path), ours.get(path)) and ours.get(path) != base.get(path)
    ]


def _picked(sides: Sides) -> dict[str, Blob]:
    """Return of each file the side that changed it."""
    base, ours, theirs = sides.base, sides.ours, sides.theirs
    paths = base.keys() | ours.keys() | theirs.keys()
    picked = {path: (ours if theirs.get(path) == base.get(path) else theirs).get(path) for path in paths}
    return {path: blob for path, blob in picked.items() if blob}


def _with_our_line_ends(repository: Path, sides: Sides) -> Sides:
    """Return the sides with CRLF in those files that we keep so, or every line would be a conflict."""
    ours = {path: sides.ours[path] for path in _hard(sides) if path in sides.ours}
    of_windows = [path for path, blob in ours.items() if _has_only_crlf(read_blob(repository, blob))]
    base, theirs = (
        {**tree, **{path: _as_crlf(repository, tree[path]) for path in of_windows if path in tree}}
        for tree in (sides.base, sides.theirs)
    )
    return Sides(base, sides.ours, theirs)


def _has_only_crlf(contents: bytes) -> bool:
    return contents.count(b"\n") == contents.count(b"\r\n") > 0


def _as_crlf(repository: Path, blob: Blob) -> Blob:
    contents = read_blob(repository, blob).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return Blob(blob.mode, write_blob(repository, contents))


def _merged_by_git(repository: Path, sides: Sides, labels: tuple[str, str], scratch: Path) -> Merged:
    # git finds the base in the history of the two sides, so they are given one: a root, and two commits upon it.
    trees = (sides.base, sides.ours, sides.theirs)
    base, ours, theirs = (write_tree(repository, index_lines(tree), scratch=scratch) for tree in trees)
    root = commit(repository, base, message="the last release")
    tips = [commit(repository, tree, message="a side", parents=[root]) for tree in (ours, theirs)]
    status, output, complaint = run_git(repository, *MERGE, *tips)
    if status not in (0, 1):
        raise GitError(f"git could not merge: {complaint.strip()}; it takes git 2.38 or later")
    tree, *rows = output.decode(errors="surrogateescape").split("\0")
    merged = Merged(dict(read_tree(repository, tree)))
    staged: dict[str, dict[int, Blob]] = {}
    for row in filter(None, rows):
        meta, _tab, path = row.partition("\t")
        mode, name, stage = meta.split()
        staged.setdefault(path, {})[int(stage)] = Blob(mode, name)
    for path, stages in staged.items():
        _settle(merged, Conflict(path, stages))
    _relabel(repository, merged, dict(zip(tips, labels, strict=True)))
    return merged


def _settle(merged: Merged, conflict: Conflict) -> None:
    """Keep what we edited and they dropped, leave out what we deleted, and note any other conflict."""
    sides = conflict.stages.keys() - {BASE}
    if sides == {OURS} and BASE in conflict.stages:
        merged.files[conflict.path] = conflict.stages[OURS]
    elif sides == {THEIRS} and BASE in conflict.stages:
        merged.files.pop(conflict.path, None)
    else:
        merged.conflicts.append(conflict)


def _relabel(repository: Path, merged: Merged, labels: Mapping[str, str]) -> None:
    """Have conflict markers say whose a side is, where git could only name the commit it was given."""
    for conflict in merged.conflicts:
        blob = merged.files.get(conflict.path)
        if blob is not None:
            contents = read_blob(repository, blob)
            for side, label in labels.items():
                contents = contents.replace(side.encode(), label.encode())
            merged.files[conflict.path] = Blob(blob.mode, write_blob(repository, contents))


def _kinds(sides: Sides, merged: Merged) -> dict[str, Kind]:
    """Return what happened to each file that a release or a user changed."""
    base, ours, theirs = sides.base, sides.ours, sides.theirs
    kinds = {
        path: kind
        for path in base.keys() | ours.keys() | theirs.keys()
        if (kind := _kind(base.get(path), ours.get(path), theirs.get(path), merged.files.get(path)))
    }
    return kinds | {conflict.path: Kind.CONFLICT for conflict in merged.conflicts}


def _kind(old: Blob | None, mine: Blob | None, new: Blob | None, result: Blob | None) -> Kind | None:
    if result == mine:
        if old is None or mine == old or (mine is None and new in (old, None)):
            return None  # a file of the user's own, one that nobody touched, or one that is gone for good
        return Kind.DROPPED if new is None and mine is not None else Kind.KEPT
    if mine is None:
        return Kind.ADDED
    if result is None:
        return Kind.REMOVED
    return Kind.UPDATED if mine == old else Kind.MERGED
