"""The project that a command works on, and the folder beside git's own files where commands keep their state."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from .answers import HOST_ANSWERS
from .git import GitError, git
from .report import RefusalError

UPDATE_FOLDER = ".dev/update"  # of the linked work tree in which an update is made
LONGEST_NAME = 200  # bytes; file systems take 255
# git keeps these while it waits for a person.
UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folder, and its place in its git repository, if there is one.

    `top` is the folder of the work tree, and `prefix` the path from there to the project: `""`, or with a slash at its
    end. `state` is a folder that git never sees.
    """

    folder: Path
    state: Path
    is_under_git: bool
    top: Path
    prefix: str

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands out of the project. The lock ends with the process.

        Raises:
            RefusalError: Another command is running.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.state / "lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise RefusalError(
                "Another command is running in this project. Wait until it ends, and try again."
            ) from None
        with lock:
            shutil.rmtree(self._drafts, ignore_errors=True)  # left by commands that were killed
            yield

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a temporary folder; the project must be locked."""
        self._drafts.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._drafts) as folder:
            yield Path(folder)

    @property
    def _drafts(self) -> Path:
        return self.state / "drafts"


def find_project(start: Path) -> Project:
    """Return the project in a folder or around it.

    Raises:
        RefusalError: There is none.
    """
    found = next((each for each in (start, *start.parents) if (each / HOST_ANSWERS).is_file()), None)
    if found is None:
        raise RefusalError(f"There is no project here: {HOST_ANSWERS} is neither in {start} nor in a folder above it.")
    return project_at(found)


def project_at(folder: Path) -> Project:
    """Return the project in a folder."""
    try:
        told = git(folder, "rev-parse", "--show-toplevel", "--show-prefix", "--absolute-git-dir").split("\n")
    except GitError as fault:
        if "dubious ownership" in str(fault):
            raise RefusalError(f"git does not trust this folder: {' '.join(str(fault).split())}.") from None
        return Project(folder, state=folder / ".dev" / "gold-slice", is_under_git=False, top=folder, prefix="")
    top, prefix, git_folder = told[:3]
    name = quote(prefix, safe="") or "top"
    if len(name) > LONGEST_NAME:
        name = hashlib.sha256(prefix.encode(errors="surrogateescape")).hexdigest()
    state = Path(git_folder, "gold-slice", name)
    return Project(folder, state, is_under_git=True, top=Path(top), prefix=prefix)


def unfinished_git_operation(project: Project) -> str | None:
    """Return the name of a git operation that waits for a person in the project's work tree, such as `merge`."""
    names = list(UNFINISHED)
    paths = git(project.top, "rev-parse", *(word for name in names for word in ("--git-path", name))).splitlines()
    return next(
        (UNFINISHED[name] for name, path in zip(names, paths, strict=True) if (project.top / path).exists()), None
    )
