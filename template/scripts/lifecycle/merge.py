"""Carry what a release changed into what a user made of the last one: git's three-way merge, on git's objects alone.

Nothing here touches a work tree, an index or a branch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .git import GitError, git, git_bytes, run_git
from .report import Kind

BASE, OURS, THEIRS = 1, 2, 3  # the stages of git's index
# As git does it unless a user's settings say otherwise.
SETTINGS = ("merge.renames=true", "merge.directoryRenames=conflict", "merge.conflictStyle=merge")
MERGE = [*(word for setting in SETTINGS for word in ("-c", setting)), "merge-tree", "--write-tree", "-z", "--no-messages"]


class Blob(NamedTuple):
    """A file as git stores it: its mode, as `100644`, and the name of its contents."""

    mode: str
    id: str


type Tree = Mapping[str, Blob]


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


def merge(repository: Path, *, base: Tree, ours: Tree, theirs: Tree, labels: tuple[str, str], scratch: Path) -> Merged:
    """Return our files with what changed from base to theirs.

    A file that they dropped and we edited is kept. One that we deleted and they changed stays deleted. A file that we
    renamed takes their changes under our name.

    Args:
        labels: What conflict markers call our side and theirs.
        scratch: A folder for git's temporary indexes.
    """
    hard = [path for path in base.keys() | theirs.keys() if not _is_simple(path, base, ours, theirs)]
    base, theirs = _with_our_line_ends(repository, hard, base, ours, theirs)
    if all(_is_simple(path, base, ours, theirs) for path in hard):
        files = {path: blob for path in base.keys() | ours.keys() | theirs.keys() if (blob := _pick(path, base, ours, theirs))}
        merged = Merged(files)
    else:
        merged = _merged_by_git(repository, (base, ours, theirs), labels, scratch)
    merged.kinds = _kinds(base, ours, theirs, merged)
    return merged


def read_tree(repository: Path, treeish: str) -> dict[str, Blob]:
    """Return all files of a tree."""
    rows = git(repository, "ls-tree", "-r", "-z", "--full-tree", treeish).split("\0")
    parts = (row.partition("\t") for row in rows if row)
    return {path: Blob(meta.split()[0], meta.split()[2]) for meta, _tab, path in parts}


def write_blobs(repository: Path, files: Iterable[Path]) -> list[str]:
    """Store files, and return the names of their contents, in order."""
    paths = "".join(f"{path}\n" for path in files)
    return git(repository, "hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths).split()


def read_blob(repository: Path, blob: Blob) -> bytes:
    """Return the contents of a file."""
    return git_bytes(repository, "cat-file", "blob", blob.id)


def write_blob(repository: Path, contents: bytes) -> str:
    """Store contents and return their name."""
    return git_bytes(repository, "hash-object", "-w", "--stdin", stdin=contents).decode().strip()


def index_lines(tree: Tree, *, prefix: str = "") -> list[str]:
    """Return what `git update-index --index-info` reads, for files below the prefix."""
    return [f"{blob.mode} {blob.id}\t{prefix}{path}" for path, blob in tree.items()]


def write_tree(
    repository: Path, lines: Iterable[str], *, scratch: Path, onto: str | None = None, under: str = ""
) -> str:
    """Store a tree of the lines, on top of another tree without what it has under a folder, and return its name."""
    environment = {"GIT_INDEX_FILE": str(scratch / "index")}
    git(repository, "read-tree", *([onto] if onto else ["--empty"]), env=environment)
    if onto:
        git(repository, "rm", "-r", "-f", "-q", "--cached", "--ignore-unmatch", "--", f":(top){under}", env=environment)
    given = "".join(f"{line}\0" for line in lines)
    git(repository, "update-index", "-z", "--index-info", stdin=given, env=environment)
    return git(repository, "write-tree", env=environment).strip()


def _is_simple(path: str, base: Tree, ours: Tree, theirs: Tree) -> bool:
    """Say whether a file needs no look inside: one side left it alone, or both did the same."""
    mine, old, new = ours.get(path), base.get(path), theirs.get(path)
    return new == old or mine == new or (mine == old and mine is not None)


def _pick(path: str, base: Tree, ours: Tree, theirs: Tree) -> Blob | None:
    return ours.get(path) if theirs.get(path) == base.get(path) else theirs.get(path)


def _with_our_line_ends(repository: Path, hard: list[str], base: Tree, ours: Tree, theirs: Tree) -> tuple[Tree, Tree]:
    """Return their sides with CRLF in those files that we keep so, or every line would be a conflict."""
    of_windows = [path for path in hard if path in ours and _has_only_crlf(read_blob(repository, ours[path]))]
    converted = [{path: _as_crlf(repository, tree[path]) for path in of_windows if path in tree} for tree in (base, theirs)]
    return {**base, **converted[0]}, {**theirs, **converted[1]}


def _has_only_crlf(contents: bytes) -> bool:
    return contents.count(b"\n") == contents.count(b"\r\n") > 0


def _as_crlf(repository: Path, blob: Blob) -> Blob:
    contents = read_blob(repository, blob).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return Blob(blob.mode, write_blob(repository, contents))


def _merged_by_git(repository: Path, trees: tuple[Tree, Tree, Tree], labels: tuple[str, str], scratch: Path) -> Merged:
    # git finds the base in the history of the two sides, so they are given one: a root, and two commits upon it.
    base, ours, theirs = (write_tree(repository, index_lines(tree), scratch=scratch) for tree in trees)
    root = commit(repository, base, message="the last release")
    sides = [commit(repository, tree, message="a side", parents=[root]) for tree in (ours, theirs)]
    status, output, complaint = run_git(repository, *MERGE, *sides)
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
    _relabel(repository, merged, dict(zip(sides, labels, strict=True)))
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


def _kinds(base: Tree, ours: Tree, theirs: Tree, merged: Merged) -> dict[str, Kind]:
    """Return what happened to each file that a release or a user changed."""
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


def commit(repository: Path, tree: str, *, message: str, parents: Iterable[str] = (), env: dict[str, str] | None = None) -> str:
    """Store a commit and return its name; it is nobody's, unless the environment says whose."""
    nobody = {"NAME": "gold slice", "EMAIL": "gold-slice@localhost"}
    identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in nobody.items()}
    links = [word for parent in parents for word in ("-p", parent)]
    return git(repository, "commit-tree", "--no-gpg-sign", *links, "-m", message, tree, env=identity if env is None else env).strip()
