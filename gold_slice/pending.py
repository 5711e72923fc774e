"""Change several files so that a command that is killed leaves no mixture: the next command completes the change.

All new contents are stored beside git's own files first. The change begins when their folder gets its final name, and
from then on any command of the project can complete it.
"""

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .project import Project
from .report import RefusalError

ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
BYTE_CODE = "__pycache__"


def apply(project: Project, *, what: str, writes: Mapping[str, Path | bytes], deletes: list[str]) -> None:
    """Write files, from a file or from bytes, and delete others; paths count from the project's folder.

    Raises:
        RefusalError: There is no room for the new contents, for example. Nothing was changed.
    """
    fresh, pending = project.state / "pending.new", project.state / "pending"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        plan = {"what": what, "before": {}, "writes": list(writes), "deletes": deletes}
        for number, (path, source) in enumerate(writes.items()):
            stored = fresh / "files" / str(number)
            stored.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                stored.write_bytes(source)
                stored.chmod((project.folder / path).stat().st_mode & 0o777)
            else:
                shutil.copy2(source, stored, follow_symlinks=False)
        plan["before"] = {path: digest(project.folder / path) for path in (*writes, *deletes)}
        fresh.mkdir(parents=True, exist_ok=True)
        (fresh / "plan.json").write_text(json.dumps(plan))
        os.sync()
        fresh.rename(pending)
    except OSError as fault:
        shutil.rmtree(fresh, ignore_errors=True)
        raise RefusalError(f"The new files cannot be stored in {project.state}: {fault.strerror}.") from fault
    complete(project)


def is_pending(project: Project) -> bool:
    """Return whether a command was killed before its change was complete."""
    return (project.state / "pending").exists()


def complete(project: Project) -> str:
    """Complete the change, and return the command that began it.

    Raises:
        RefusalError: A file of the change was edited after the command was killed. Nothing was done.
    """
    pending = project.state / "pending"
    plan = json.loads((pending / "plan.json").read_text())
    stored = {path: pending / "files" / str(number) for number, path in enumerate(plan["writes"])}
    expected = {path: {before, None} for path, before in plan["before"].items()}
    for path, source in stored.items():
        expected[path].add(digest(source))
    edited = [path for path, states in expected.items() if digest(project.folder / path) not in states]
    if edited:
        raise RefusalError(
            *(
                f"{path} was edited after `{plan['what']}` was interrupted, which still has to change it. "
                "Keep your version elsewhere, delete the file or restore it from git, and try again."
                for path in edited
            )
        )
    with undisturbed():
        for path, source in stored.items():
            _put(source, project.folder / path)
        for path in plan["deletes"]:
            (project.folder / path).unlink(missing_ok=True)
            _remove_empty_folders((project.folder / path).parent)
        pending.rename(project.state / "pending.done")
        shutil.rmtree(project.state / "pending.done", ignore_errors=True)
    return str(plan["what"])


def digest(path: Path) -> str | None:
    """Return a checksum of a file, or of the target of a symbolic link; None if there is neither."""
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
