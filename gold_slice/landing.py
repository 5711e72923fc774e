"""Bring an update from its linked work tree to the user's branch by `git merge --ff-only`, and repair a killed one.

A fast-forward is not atomic: git that is killed leaves locks, and new files under the old commit. So a note is written
before it; while the note exists, every command completes the fast-forward before it does anything else.
"""

import json
import os
import time
from pathlib import Path

from .git import git, git_path, lines, try_git
from .pending import undisturbed
from .project import Project
from .report import RefusalError

MERGE = ("merge", "--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures")
PATIENCE_S = 10  # for a git process that outlives the command that started it
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")  # one that fails between files and branch would leave a mixture
REFUSALS = (
    "would be overwritten",
    "would lose",
    "not possible because",
    "Unable to create",
    "unmerged",
    "Not possible",
)


def fast_forward(project: Project, commit: str) -> None:
    """Move the branch and the work tree to the commit, which is a child of HEAD.

    Raises:
        RefusalError: git refused, because a file in the way is not committed for example. Nothing was changed.
    """
    note = _note(project)
    head = git(project.top, "rev-parse", "HEAD").strip()
    note.write_text(json.dumps({"old": head, "new": commit}))
    with undisturbed():
        done = try_git(project.top, *NO_HOOKS, *MERGE, commit)
        if done.returncode == 0 or any(words in done.stderr for words in REFUSALS):
            note.unlink()
    if done.returncode != 0:
        raise RefusalError(f"git refused to move the branch: {done.stderr.strip()}")


def stage(project: Project, commit: str) -> None:
    """Bring the files of the commit to the index and the work tree, and leave the branch where it is.

    Raises:
        RefusalError: git refused. Nothing was changed.
    """
    try_git(project.top, "update-index", "-q", "--refresh")
    done = try_git(project.top, "read-tree", "-m", "-u", "HEAD", commit)
    if done.returncode != 0:
        raise RefusalError(f"git refused to stage the update: {done.stderr.strip()}")


def is_interrupted(project: Project) -> bool:
    """Return whether a fast-forward was killed."""
    return _note(project).exists()


def repair(project: Project) -> None:
    """Complete a fast-forward that was killed.

    Raises:
        RefusalError: The branch moved since, or a file was edited since. Nothing was done.
    """
    told = json.loads(_note(project).read_text())
    old, new = told["old"], told["new"]
    _wait_for_git(project)
    head = git(project.top, "rev-parse", "HEAD").strip()
    if head == old:
        changes = _changes(project, old, new)
        edited = [path for path, (before, after) in changes.items() if not _is_ours(project, path, before, after, new)]
        if edited:
            raise RefusalError(
                *(
                    f"{path} was edited after the update was interrupted. Move it away, and try again."
                    for path in edited
                )
            )
        with undisturbed():
            _write(project, changes, new)
    elif head != new:
        raise RefusalError(
            f"The branch moved to {head[:12]} after an update to {new[:12]} was interrupted. "
            f"Go back to {old[:12]} (`git reset --soft {old[:12]}`), and try again."
        )
    _note(project).unlink()


def _note(project: Project) -> Path:
    return project.state / "landing.json"


def _wait_for_git(project: Project) -> None:
    """Wait for a git process that still works, then remove the locks of one that was killed."""
    names = ["index.lock", "HEAD.lock"]
    if branch := try_git(project.top, "symbolic-ref", "-q", "HEAD").stdout.strip():
        names.append(f"{branch}.lock")
    locks = [git_path(project.top, name) for name in names]
    deadline = time.monotonic() + PATIENCE_S
    while _is_git_alive(project) and time.monotonic() < deadline:
        time.sleep(0.05)
    for lock in locks:
        lock.unlink(missing_ok=True)


def _is_git_alive(project: Project) -> bool:
    """Return whether a git process works in the folder of the repository, as far as the system tells (Linux)."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                process.joinpath("comm").read_text().strip() == "git"
                and process.joinpath("cwd").resolve() == project.top
            ):
                return True
        except OSError:
            continue
    return False


def _changes(project: Project, old: str, new: str) -> dict[str, tuple[str, str]]:
    """Return the object names of each file that differs, before and after; zeros stand for no file."""
    fields = lines(git(project.top, "diff-tree", "-r", "-z", "--no-renames", old, new))
    rows = zip(fields[0::2], fields[1::2], strict=True)
    return {path: (meta.split()[2], meta.split()[3]) for meta, path in rows}


def _is_ours(project: Project, path: str, before: str, after: str, new: str) -> bool:
    """Return whether a file is as one of the two commits has it, or missing, or a part of what git was writing."""
    file = project.top / path
    if not os.path.lexists(file):
        return True
    if file.is_symlink():
        stdin = os.fsdecode(os.readlink(file))  # noqa: PTH115  # git stores the text of the link
        return git(project.top, "hash-object", "--stdin", stdin=stdin).strip() in (before, after)
    if git(project.top, "hash-object", "--path", path, "--", str(file)).strip() in (before, after):
        return True
    written = try_git(project.top, "cat-file", "--filters", f"{new}:{path}")
    contents = os.fsencode(written.stdout) if written.returncode == 0 else b""
    return contents.startswith(file.read_bytes())


def _write(project: Project, changes: dict[str, tuple[str, str]], new: str) -> None:
    there = [path for path, (_before, after) in changes.items() if after.strip("0")]
    gone = [path for path, (_before, after) in changes.items() if not after.strip("0")]
    paths = ("--pathspec-from-file=-", "--pathspec-file-nul")
    if there:
        restore = ("--literal-pathspecs", "restore", f"--source={new}", "--staged", "--worktree")
        git(project.top, *restore, *paths, stdin="\0".join(there))
    if gone:
        remove = ("--literal-pathspecs", "rm", "--quiet", "--force", "--ignore-unmatch")
        git(project.top, *remove, *paths, stdin="\0".join(gone))
    git(project.top, *NO_HOOKS, "reset", "--quiet", "--soft", new)
