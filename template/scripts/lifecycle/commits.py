"""Land a tree on the user's branch as one commit, with the work tree and nothing of the user's in the way."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .branch import Landing
from .git import git, run_git
from .journal import Write, land
from .objects import commit, read_blobs
from .project import Project
from .report import RefusalError


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that differs between two trees; `path` counts from the repository's top, and no id means that it goes."""

    path: str
    mode: str
    id: str | None
    is_new: bool


def land_tree(project: Project, tree: str, *, message: str, is_preview: bool) -> str:
    """Commit the tree, move the branch and the work tree to it, and return the command that undoes this.

    What else is changed or staged stays as it is.

    Raises:
        RefusalError: A file that would be written has changes that no commit has.
    """
    head = git(project.folder, "rev-parse", "HEAD").strip()
    check_way(project, tree)
    differences = list(_differences(project, head, tree))
    undo = f"git reset --keep {head[:12]}"
    if is_preview:
        return undo
    new = commit(project.folder, tree, message=message, parents=[head], env=_identity(project))
    contents = read_blobs(project.folder, (each.id for each in differences if each.id))
    up = Path(os.path.relpath(project.top, project.folder))
    writes = [
        Write(
            (up / each.path).as_posix(),
            None if each.id is None else contents[each.id],
            is_executable=each.mode == "100755",
        )
        for each in differences
    ]
    lines = [
        f"{each.mode} {each.id}\t{each.path}" if each.id else f"0 {'0' * len(head)}\t{each.path}"
        for each in differences
    ]
    land(project, what=message, writes=writes, landing=Landing(head, new, lines, message))
    return undo


def check_way(project: Project, tree: str) -> None:
    """Return if nothing is in the way of the tree.

    Raises:
        RefusalError: A file that would be written has changes that no commit has, or git is at work.
    """
    differences = list(_differences(project, "HEAD", tree))
    rows = git(project.top, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all").split("\0")
    changed = {row[3:] for row in rows if row}
    changed |= {each.path for each in differences if each.is_new and (project.top / each.path).exists()}
    hindrances = [each for each in differences if each.path in changed]
    if hindrances:
        raise RefusalError(
            *(
                f"{each.path} is in the way: it has changes that are not committed. Commit it, or git stash."
                for each in hindrances
            )
        )
    if Path(git(project.folder, "rev-parse", "--path-format=absolute", "--git-path", "index.lock").strip()).exists():
        raise RefusalError("git is at work here (index.lock). Wait until it ends, or remove that file if nothing runs.")


def _differences(project: Project, head: str, tree: str) -> Iterator[Difference]:
    fields = git(project.folder, "diff-tree", "-r", "-z", "--no-renames", head, tree).split("\0")
    for meta, path in zip(fields[0::2], fields[1::2], strict=False):
        _old_mode, mode, _old_id, name, status = meta.removeprefix(":").split()
        yield Difference(path, mode, None if status == "D" else name, is_new=status == "A")


def _identity(project: Project) -> dict[str, str] | None:
    """Return an environment in which git knows whose a commit is: the user's own settings where they say it."""
    is_known = run_git(project.folder, "var", "GIT_COMMITTER_IDENT")[0] == 0
    return {} if is_known else None
