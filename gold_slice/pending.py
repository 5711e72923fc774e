"""Change the files of a project so that a command that is killed leaves no mixture: the next one completes the change.

All new contents are stored beside git's own files first. The change begins when their folder gets its final name, and
from then on any command of the project can complete it. An update also moves git's index and branch to its commit.
"""

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .git import git, git_path, lines, remove_work_tree, try_git
from .project import UPDATE_FOLDER, Project
from .render import files_in
from .report import RefusalError, progress

ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
BYTE_CODE = "__pycache__"
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")  # one that fails between files and branch would leave a mixture
PATIENCE_S = 3  # for a git process that outlives the command that started it; it only writes the index or a branch


def apply(project: Project, *, what: str, writes: Mapping[str, Path | bytes], deletes: Sequence[str]) -> None:
    """Write files, from a file or from bytes, and delete others; paths count from the project's folder.

    Raises:
        RefusalError: There is no room for the new contents, for example. Nothing was changed.
    """
    try:
        files = _new_folder(project)
        for path, source in writes.items():
            stored = files / project.prefix / path
            stored.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                stored.write_bytes(source)
                stored.chmod((project.folder / path).stat().st_mode & 0o777)
            else:
                shutil.copy2(source, stored, follow_symlinks=False)
        _begin(project, {"what": what}, deletes=[project.prefix + path for path in deletes])
    except OSError as fault:
        raise RefusalError(f"The new files cannot be stored in {project.state}: {fault.strerror}.") from fault
    _complete(project)


def land(project: Project, commit: str, *, is_staged_only: bool) -> None:
    """Bring a commit, which is a child of HEAD, to the work tree, the index and the branch, or not to the branch.

    Raises:
        RefusalError: git refused, because a file in the way is not committed for example. Nothing was changed.
    """
    old = git(project.top, "rev-parse", "HEAD").strip()
    index, trial = git_path(project.top, "index"), project.state / "index"
    if (lock := index.with_name("index.lock")).exists():
        raise RefusalError(f"Another git process is at work: {lock}: File exists. Wait for it, or remove the file.")
    shutil.copy2(index, trial)
    files = _new_folder(project)
    for command in (
        ("update-index", "-q", "--refresh"),
        ("read-tree", "-n", "-m", "-u", old, commit),
        (f"--work-tree={files}", "read-tree", "-m", "-u", old, commit),  # it is empty, and gets what has changed
    ):
        done = try_git(project.top, *NO_HOOKS, *command, index=trial)
        if done.returncode != 0:
            raise RefusalError(
                f"git refused to change the files: {done.stderr.strip()}", *_not_committed(project, old, commit)
            )
    gone = _changed(project, old, commit, "--diff-filter=D")
    hidden = [row[2:] for row in lines(git(project.top, "ls-files", "-t", "-z")) if row.startswith("S ")]
    plan = {"what": "update", "old": old, "commit": commit, "is_staged_only": is_staged_only}
    _begin(project, plan, deletes=sorted({*gone} - {*hidden}))
    _complete(project)


def is_interrupted(project: Project) -> bool:
    """Return whether a command was killed before its change was complete."""
    return (project.state / "pending").exists()


def refuse_interrupted(project: Project) -> None:
    """Raise if there is something to complete, for a preview changes nothing."""
    if is_interrupted(project):
        raise RefusalError("A command was interrupted. `uv run python scripts/doctor.py --fix` completes it first.")


def complete_interrupted(project: Project) -> None:
    """Complete the change of a killed command, and remove its temporary work tree.

    Raises:
        RefusalError: A file was edited since, or the branch moved. Nothing was done.
    """
    if is_interrupted(project):
        if project.is_under_git:
            remove_stale_locks(project.top)
        progress(f"`{_complete(project)}` was interrupted, and is complete now")
    if not (project.state / "update.json").exists() and (project.folder / UPDATE_FOLDER).exists():
        remove_work_tree(project.top, project.folder / UPDATE_FOLDER)


def remove_stale_locks(top: Path) -> None:
    """Remove the locks of a git process that was killed, after time enough for one that is still at work."""
    names = ["index.lock", "HEAD.lock", f"{try_git(top, 'symbolic-ref', '-q', 'HEAD').stdout.strip() or 'HEAD'}.lock"]
    locks = [git_path(top, name) for name in names]
    deadline = time.monotonic() + PATIENCE_S
    while any(lock.exists() for lock in locks) and time.monotonic() < deadline:
        time.sleep(0.05)
    for lock in locks:
        lock.unlink(missing_ok=True)


def digest(path: Path) -> str | None:
    """Return a checksum of a file and whether it can be executed, or the target of a link; None if there is neither."""
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()} {os.access(path, os.X_OK)}"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C and similar signals back until the block ends."""
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
        if signal.SIGINT in signal.sigpending():
            signal.sigwait({signal.SIGINT})  # the change is complete, so there is nothing left to interrupt
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)


def _changed(project: Project, old: str, commit: str, *options: str) -> list[str]:
    return lines(git(project.top, "diff-tree", "-r", "-z", "--no-renames", "--name-only", *options, old, commit))


def _not_committed(project: Project, old: str, commit: str) -> list[str]:
    """Return a sentence for each file that the commit changes and that has other changes; git names only the first."""
    paths = _changed(project, old, commit)
    rows = lines(git(project.top, "--literal-pathspecs", "status", "--porcelain", "-z", "-uall", "--", *paths))
    return [f"{row[3:]} is not committed. Commit it, or move it away." for row in rows]


def _new_folder(project: Project) -> Path:
    """Return an empty folder for the new files, laid out as in the repository."""
    fresh = project.state / "pending.new"
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "files").mkdir(parents=True)
    return fresh / "files"


def _begin(project: Project, plan: Mapping[str, object], *, deletes: Sequence[str]) -> None:
    fresh = project.state / "pending.new"
    before = {path: digest(project.top / path) for path in (*files_in(fresh / "files"), *deletes)}
    (fresh / "plan.json").write_text(json.dumps({**plan, "deletes": deletes, "before": before}))
    fresh.rename(project.state / "pending")


def _complete(project: Project) -> str:
    """Complete the change, and return the command that began it."""
    pending = project.state / "pending"
    plan, files = json.loads((pending / "plan.json").read_text()), pending / "files"
    if "commit" in plan and (head := git(project.top, "rev-parse", "HEAD").strip()) not in (
        plan["old"],
        plan["commit"],
    ):
        old = plan["old"][:12]
        raise RefusalError(
            f"The branch moved to {head[:12]} after the update was interrupted. "  # nosec B608  # a sentence, no SQL
            f"Go back to {old} (`git reset --soft {old}`), and try again."
        )
    edited = [
        path
        for path, before in plan["before"].items()
        if digest(project.top / path) not in (before, digest(files / path), None)
    ]
    if edited:
        raise RefusalError(
            *(
                f"{path} was edited after `{plan['what']}` was interrupted, which still has to change it. "
                "Keep your version elsewhere, delete the file or restore it from git, and try again."
                for path in edited
            )
        )
    with undisturbed():
        for path in plan["deletes"]:
            (project.top / path).unlink(missing_ok=True)
            _remove_empty_folders((project.top / path).parent)
        for path in files_in(files):
            _put(files / path, project.top / path)
        if "commit" in plan:
            _move_index_and_branch(project, **plan)
        _end(project)
    return str(plan["what"])


def _end(project: Project) -> None:
    done = project.state / "pending.done"
    (project.state / "pending").rename(done)
    shutil.rmtree(done, ignore_errors=True)


def _move_index_and_branch(project: Project, *, old: str, commit: str, is_staged_only: bool, **_: object) -> None:
    with project.scratch() as nowhere:  # the files are there already, but git keeps a checkout sparse only with -u
        git(project.top, *NO_HOOKS, f"--work-tree={nowhere}", "read-tree", "-m", "-u", old, commit)
    git(project.top, *NO_HOOKS, "update-index", "-q", "--refresh")
    if not is_staged_only:
        git(project.top, *NO_HOOKS, "update-ref", "-m", "gold slice: update", "HEAD", commit)
    (project.state / "update.json").unlink(missing_ok=True)  # what has landed waits no longer


def _put(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.gold-slice")
    if digest(target) != digest(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        shutil.copy2(source, temporary, follow_symlinks=False)
        temporary.replace(target)
    temporary.unlink(missing_ok=True)


def _remove_empty_folders(folder: Path) -> None:
    """Remove the folder, and those above it, while they hold nothing but byte code."""
    while folder.is_dir() and not folder.is_symlink() and all(child.name == BYTE_CODE for child in folder.iterdir()):
        shutil.rmtree(folder)
        folder = folder.parent
