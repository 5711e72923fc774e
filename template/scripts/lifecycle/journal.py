"""Change many files, and the branch with them, as if in one moment.

The new contents are written beside git's own files first, then a plan that names them; from the moment the plan is
there, the change happens: a process that is killed leaves it to the next command, which carries it out. Before that
moment nothing has happened, and what is there is thrown away.
"""

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

from .branch import Landing, move_branch
from .project import Project
from .report import RefusalError

ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
BYTE_CODE = "__pycache__"
BLOCK = 4096  # bytes that a file takes at least


@dataclass(frozen=True, slots=True)
class Write:
    """New contents of a file, or None where it goes; `path` is the way from the project's folder.

    Where nothing is said of it, a file stays as executable as it is. `before` is what the file held, None if there was
    none, when the contents were worked out: one that has changed since is not written.
    """

    path: str
    contents: bytes | None
    is_executable: bool | None = None
    before: bytes | None | EllipsisType = ...


def land(project: Project, *, what: str, writes: Sequence[Write], landing: Landing | None = None) -> None:
    """Carry out the writes, then move the branch; call it with the project locked.

    Raises:
        RefusalError: There is no room for the new contents, say; then nothing was changed.
    """
    fresh, journal = project.state / "journal.new", project.state / "journal"
    _refuse_what_moved_on(project, writes)
    try:
        project.state.mkdir(parents=True, exist_ok=True)
        _refuse_a_full_disk(project, writes)
        _stage(project, fresh, what=what, writes=writes, landing=landing)
        fresh.rename(journal)
    except OSError as fault:
        raise RefusalError(f"The new files cannot be kept in {project.state}: {fault.strerror}. Mend that.") from fault
    _carry_out(project)


def is_interrupted(project: Project) -> bool:
    """Say whether a command was killed half-way through its change."""
    return (project.state / "journal").exists()


def recover(project: Project) -> str | None:
    """Carry out what a killed command had planned, and return what it was; call it with the project locked.

    Raises:
        RefusalError: A file of the plan was changed since; nothing was done.
    """
    shutil.rmtree(project.state / "journal.new", ignore_errors=True)
    shutil.rmtree(project.state / "journal.done", ignore_errors=True)
    return _carry_out(project) if is_interrupted(project) else None


def _refuse_what_moved_on(project: Project, writes: Sequence[Write]) -> None:
    problems = [
        f"{write.path} was changed while the command worked. Run it again."
        for write in writes
        if not isinstance(write.before, EllipsisType) and _contents(project.folder / write.path) != write.before
    ]
    if problems:
        raise RefusalError(*problems)


def _refuse_a_full_disk(project: Project, writes: Sequence[Write]) -> None:
    """Refuse what would not fit twice, as a plan and as files, before any of it is written."""
    needed = 2 * sum(len(write.contents or b"") + BLOCK for write in writes)
    for folder in (project.state, project.folder):
        if (free := shutil.disk_usage(folder).free) < needed:
            raise RefusalError(f"The disk of {folder} has {free:,} bytes left, and {needed:,} are needed. Make room.")


def _stage(project: Project, fresh: Path, *, what: str, writes: Sequence[Write], landing: Landing | None) -> None:
    """Write all new contents into one file, and the plan beside it."""
    fresh.mkdir(parents=True)
    steps, contents = [], b"".join(write.contents or b"" for write in writes)
    begin = 0
    for write in writes:
        end = begin + len(write.contents or b"")
        steps.append(
            {
                "path": write.path,
                "before": _digest(project.folder / write.path),
                "after": None if write.contents is None else hashlib.sha256(write.contents).hexdigest(),
                "from_to": (begin, end),
                "is_executable": write.is_executable,
            }
        )
        begin = end
    plan = {"what": what, "steps": steps, "landing": landing and asdict(landing)}
    _keep(fresh / "contents", contents)
    _keep(fresh / "plan.json", json.dumps(plan).encode())


def _carry_out(project: Project) -> str:
    journal, done = project.state / "journal", project.state / "journal.done"
    plan = json.loads((journal / "plan.json").read_bytes())
    _refuse_what_changed_since(project, plan)
    contents = (journal / "contents").read_bytes()
    with _undisturbed():
        for step in plan["steps"]:
            begin, end = step["from_to"]
            _take(project.folder / step["path"], step, contents[begin:end])
        if plan["landing"]:
            move_branch(project, Landing(**plan["landing"]))
        journal.rename(done)
        shutil.rmtree(done, ignore_errors=True)
    return str(plan["what"])


def _refuse_what_changed_since(project: Project, plan: dict[str, Any]) -> None:
    changed = [
        f"{step['path']} was changed after `{plan['what']}` was interrupted, which still has to write it. "
        "Keep your version elsewhere, delete the file or restore it from git, and try again."
        for step in plan["steps"]
        if _digest(project.folder / step["path"]) not in (step["before"], step["after"], None)
    ]
    if changed:
        raise RefusalError(*changed)


def _take(target: Path, step: dict[str, Any], contents: bytes) -> None:
    temporary = target.with_name(f".{target.name}.gold-slice")
    if step["after"] is None:
        target.unlink(missing_ok=True)
        _remove_empty_folders(target.parent)
        return
    mode = _mode(target, is_executable=step["is_executable"])
    if _digest(target) != step["after"]:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(contents)
        temporary.chmod(mode)
        temporary.replace(target)
    temporary.unlink(missing_ok=True)
    target.chmod(mode)


def _remove_empty_folders(folder: Path) -> None:
    """Remove the folder, and those above it, while they hold nothing but byte code."""
    while folder.is_dir() and not folder.is_symlink() and all(child.name == BYTE_CODE for child in folder.iterdir()):
        shutil.rmtree(folder)
        folder = folder.parent


def _mode(target: Path, *, is_executable: bool | None) -> int:
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    if is_executable is None:
        return mode
    return mode | 0o111 if is_executable else mode & ~0o111


def _keep(path: Path, contents: bytes) -> None:
    """Write a file that is there even if the machine stops now; files of the work tree are left to it, as git does."""
    with path.open("wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())


def _contents(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _digest(path: Path) -> str | None:
    contents = _contents(path)
    return None if contents is None else hashlib.sha256(contents).hexdigest()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and its like until the change is whole."""
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
        if signal.SIGINT in signal.sigpending():
            signal.sigwait({signal.SIGINT})  # too late to end anything: all is done, and only left to be told
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
