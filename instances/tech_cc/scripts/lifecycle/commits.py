"""Land a tree on the user's branch as one commit, with the work tree and nothing of the user's in the way."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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
    changed |= {each.path for each in differences if each.is_new and os.path.lexists(project.top / each.path)}
    hindrances = [
        f"{each.path} is in the way: it has changes that are not committed. Commit it, or git stash."
        for each in differences
        if each.path in changed
    ]
    hindrances += _overlooked(project, [each.path for each in differences if each.path not in changed])
    if problems := [*hindrances, *_not_folders(project, differences)]:
        raise RefusalError(*problems)
    if Path(git(project.folder, "rev-parse", "--path-format=absolute", "--git-path", "index.lock").strip()).exists():
        raise RefusalError("git is at work here (index.lock). Wait until it ends, or remove that file if nothing runs.")


def _overlooked(project: Project, paths: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each file with changes that `git status` was told not to look for."""
    rows = git(project.top, "ls-files", "-v", "-s", "-z").split("\0")
    # In lower case for assume-unchanged, S for skip-worktree: `h 100644 <id> 0\t<path>`.
    hidden = {path: meta.split()[2] for meta, _tab, path in (row.partition("\t") for row in rows) if _is_hidden(meta)}
    for path in paths:
        if path in hidden and _differs(project, path, hidden[path]):
            yield (
                f"{path} is in the way: it has changes that git was told to overlook. Keep them elsewhere, then "
                f"`git update-index --no-skip-worktree --no-assume-unchanged {path}`."
            )


def _differs(project: Project, path: str, name: str) -> bool:
    """Say whether a file is there, and is not what git has under that name of contents."""
    file = project.top / path
    return file.is_file() and git(project.top, "hash-object", "--path", path, "--", str(file)).strip() != name


def _is_hidden(meta: str) -> bool:
    return meta[:1] == "S" or meta[:1].islower()


def _not_folders(project: Project, differences: Sequence[Difference]) -> list[str]:
    """Return a sentence for each file or link that stands where a folder has to be."""
    going = {each.path for each in differences if each.id is None}
    ways = (way for each in differences if each.id for way in PurePosixPath(each.path).parents)
    folders = sorted({str(way) for way in ways} - going)
    return [
        f"{folder} is in the way: it is no folder, and the update puts files into one of that name. Move it."
        for folder in folders
        if (place := project.top / folder).is_symlink() or (place.exists() and not place.is_dir())
    ]


def _differences(project: Project, head: str, tree: str) -> Iterator[Difference]:
    fields = git(project.folder, "diff-tree", "-r", "-z", "--no-renames", head, tree).split("\0")
    for meta, path in zip(fields[0::2], fields[1::2], strict=False):
        _old_mode, mode, _old_id, name, status = meta.removeprefix(":").split()
        yield Difference(path, mode, None if status == "D" else name, is_new=status == "A")


def _identity(project: Project) -> dict[str, str] | None:
    """Return an environment in which git knows whose a commit is: the user's own settings where they say it."""
    is_known = run_git(project.folder, "var", "GIT_COMMITTER_IDENT")[0] == 0
    return {} if is_known else None
