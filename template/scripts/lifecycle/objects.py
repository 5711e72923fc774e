"""Read and write files, trees and commits in git's store, beside any work tree, index or branch."""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from .git import git, git_bytes


class Blob(NamedTuple):
    """A file as git stores it: its mode, as `100644`, and the name of its contents."""

    mode: str
    id: str


type Tree = Mapping[str, Blob]


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


def read_blobs(repository: Path, ids: Iterable[str]) -> dict[str, bytes]:
    """Return contents by their names, in one call of git however many there are."""
    wanted = list(dict.fromkeys(ids))
    stream = io.BytesIO(
        git_bytes(repository, "cat-file", "--batch", stdin="".join(f"{each}\n" for each in wanted).encode())
    )
    contents = {}
    for name in wanted:
        _name, _kind, size = stream.readline().split()
        contents[name] = stream.read(int(size))
        stream.readline()
    return contents


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
    git(repository, "read-tree", "--empty", env=environment)
    whole = read_tree(repository, onto) if onto else {}
    beside = {path: blob for path, blob in whole.items() if not path.startswith(under)}
    given = "".join(f"{line}\0" for line in (*index_lines(beside), *lines))
    git(repository, "update-index", "-z", "--index-info", stdin=given, env=environment)
    return git(repository, "write-tree", env=environment).strip()


def commit(
    repository: Path, tree: str, *, message: str, parents: Iterable[str] = (), env: dict[str, str] | None = None
) -> str:
    """Store a commit and return its name; it is nobody's, unless the environment says whose."""
    nobody = {"NAME": "gold slice", "EMAIL": "gold-slice@localhost"}
    identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in nobody.items()}
    links = [word for parent in parents for word in ("-p", parent)]
    return git(
        repository, "commit-tree", "--no-gpg-sign", *links, "-m", message, tree, env=identity if env is None else env
    ).strip()
