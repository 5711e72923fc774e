"""Bring an update from its linked work tree to the user's branch by `git merge --ff-only`, and repair a killed one.

A fast-forward is not atomic: git that is killed leaves locks, and new files under the old commit. So a note is written
before it; while the note exists, every command completes the fast-forward before it does anything else. The files
without which no command starts are replaced first, each at once.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from .answers import HOST_ANSWERS
from .git import git, git_path, lines, try_git
from .pending import undisturbed
from .project import Project
from .report import RefusalError

LAUNCHERS = ("launcher", "doctor", "generate_module", "remove_module", "update_modules")
NEEDED_BY_LAUNCHERS = (HOST_ANSWERS, *(f"scripts/{name}.py" for name in LAUNCHERS))
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
    _land(project, commit, "merge", "--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures", commit)


def stage(project: Project, commit: str) -> None:
    """Bring the files of the commit to the index and the work tree, and leave the branch where it is.

    Raises:
        RefusalError: git refused. Nothing was changed.
    """
    _land(project, commit, "read-tree", "-m", "-u", "HEAD", commit)


def _land(project: Project, commit: str, *command: str) -> None:
    old = git(project.top, "rev-parse", "HEAD").strip()
    note = _note(project)
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps({"old": old, "new": commit, "is_staged_only": command[0] != "merge"}))
    fresh.replace(note)
    with undisturbed():
        try_git(project.top, "update-index", "-q", "--refresh")
        # Where git would refuse, nothing is placed, and the command itself gives the reason.
        is_possible = try_git(project.top, "read-tree", "-n", "-m", "-u", "HEAD", commit).returncode == 0
        placed = _place_what_launchers_need(project, _changes(project, old, commit), commit) if is_possible else []
        done = try_git(project.top, *NO_HOOKS, *command)
        if done.returncode == 0:
            (project.state / "update.json").unlink(missing_ok=True)  # what has landed waits no longer
            note.unlink()
        elif command[0] != "merge" or any(words in done.stderr for words in REFUSALS):
            if placed:
                git(project.top, "restore", "--staged", "--worktree", "--", *placed)
            note.unlink()
    if done.returncode != 0:
        raise RefusalError(f"git refused to change the files: {done.stderr.strip()}")


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
    remove_stale_locks(project.top)
    head = git(project.top, "rev-parse", "HEAD").strip()
    if head == old:
        changes = _changes(project, old, new)
        edited = [
            path for path, (before, after, _mode) in changes.items() if not _is_ours(project, path, before, after, new)
        ]
        if edited:
            raise RefusalError(
                *(
                    f"{path} was edited after the update was interrupted. Move it away, and try again."
                    for path in edited
                )
            )
        with undisturbed():
            _place_what_launchers_need(project, changes, new)
            _write(project, changes, new)
            if not told["is_staged_only"]:
                git(project.top, *NO_HOOKS, "reset", "--quiet", "--soft", new)
    elif head != new:
        raise RefusalError(
            f"The branch moved to {head[:12]} after the landing of {new[:12]} was interrupted. "
            f"Go back to {old[:12]} (`git reset --soft {old[:12]}`), and try again."
        )
    _note(project).unlink()


def _note(project: Project) -> Path:
    return project.state / "landing.json"


def remove_stale_locks(top: Path) -> None:
    """Wait for a git process that still works, then remove the locks of one that was killed."""
    names = ["index.lock", "HEAD.lock"]
    if branch := try_git(top, "symbolic-ref", "-q", "HEAD").stdout.strip():
        names.append(f"{branch}.lock")
    locks = [git_path(top, name) for name in names]
    deadline = time.monotonic() + PATIENCE_S
    while _is_git_alive(top) and time.monotonic() < deadline:
        time.sleep(0.05)
    for lock in locks:
        lock.unlink(missing_ok=True)


def _is_git_alive(top: Path) -> bool:
    """Return whether a git process works in the folder of a work tree, as far as the system tells (Linux)."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.joinpath("comm").read_text().strip() == "git" and process.joinpath("cwd").resolve() == top:
                return True
        except OSError:
            continue
    return False


def _place_what_launchers_need(project: Project, changes: Mapping[str, tuple[str, str, str]], new: str) -> list[str]:
    """Replace each file without which no command starts at once, for git writes files piece by piece; return them."""
    placed = []
    for name in NEEDED_BY_LAUNCHERS:
        path = project.prefix + name
        _before, after, mode = changes.get(path, ("", "", ""))
        if mode in ("100644", "100755"):
            file = project.top / path
            temporary = file.with_name(f".{file.name}.gold-slice")
            temporary.unlink(missing_ok=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch(0o777 if mode == "100755" else 0o666)
            temporary.write_bytes(os.fsencode(git(project.top, "cat-file", "--filters", f"{new}:{path}")))
            temporary.replace(file)
            git(project.top, "update-index", "--add", "--cacheinfo", f"{mode},{after},{path}")
            placed.append(path)
    return placed


def _changes(project: Project, old: str, new: str) -> dict[str, tuple[str, str, str]]:
    """Return the object names of each file that differs, before and after, and its new mode; zeros mean no file."""
    fields = lines(git(project.top, "diff-tree", "-r", "-z", "--no-renames", old, new))
    rows = zip(fields[0::2], fields[1::2], strict=True)
    return {path: (meta.split()[2], meta.split()[3], meta.split()[1]) for meta, path in rows}


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


def _write(project: Project, changes: Mapping[str, tuple[str, str, str]], new: str) -> None:
    there = [path for path, (_before, after, _mode) in changes.items() if after.strip("0")]
    gone = [path for path, (_before, after, _mode) in changes.items() if not after.strip("0")]
    paths = ("--pathspec-from-file=-", "--pathspec-file-nul")
    if there:
        restore = ("--literal-pathspecs", "restore", f"--source={new}", "--staged", "--worktree")
        git(project.top, *restore, *paths, stdin="\0".join(there))
    if gone:
        remove = ("--literal-pathspecs", "rm", "--quiet", "--force", "--ignore-unmatch")
        git(project.top, *remove, *paths, stdin="\0".join(gone))
