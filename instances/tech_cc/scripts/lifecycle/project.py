"""The project that a command works on, and the place beside git's own files where the command keeps its own."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from .git import GitError, git
from .report import RefusalError

HOST_ANSWERS = ".copier-answers.yml"
LONGEST_NAME = 200  # bytes; file systems take 255
HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folder, and where it lies in its repository, if it is in one.

    `top` is the work tree's, and `prefix` the way from there to the project, `""` or with a slash at its end. `state`
    is a folder of this work tree that git never sees.
    """

    folder: Path
    state: Path
    is_under_git: bool
    top: Path
    prefix: str

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other commands out; the lock goes with the process, however it ends.

        Raises:
            RefusalError: Another command is at work.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.state / "lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise RefusalError(
                "Another command is at work in this project. Wait until it ends, and try again."
            ) from None
        with lock:
            shutil.rmtree(self._drafts, ignore_errors=True)  # of commands that were killed
            yield

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a folder for drafts, which goes with the block; use it with the project locked."""
        self._drafts.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._drafts) as folder:
            yield Path(folder)

    @property
    def _drafts(self) -> Path:
        return self.state / "drafts"


def find_project(start: Path) -> Project:
    """Return the project that these scripts belong to, else the one around a folder.

    Raises:
        RefusalError: There is none.
    """
    found = next((each for each in (HERE, start, *start.parents) if (each / HOST_ANSWERS).is_file()), None)
    if found is None:
        raise RefusalError(f"There is no project here: {HOST_ANSWERS} is in neither {start} nor a folder above it.")
    return _described(found)


def _described(folder: Path) -> Project:
    try:
        told = git(folder, "rev-parse", "--show-toplevel", "--show-prefix", "--absolute-git-dir").split("\n")
    except GitError as fault:
        if "dubious ownership" in str(fault):
            raise RefusalError(f"git does not trust this folder: {' '.join(str(fault).split())}.") from None
        return Project(folder, state=folder / ".dev" / "lifecycle", is_under_git=False, top=folder, prefix="")
    top, prefix, git_folder = told[:3]
    name = quote(prefix, safe="") or "top"
    if len(name) > LONGEST_NAME:
        name = hashlib.sha256(prefix.encode(errors="surrogateescape")).hexdigest()
    state = Path(git_folder, "gold-slice", name)
    return Project(folder, state, is_under_git=True, top=Path(top), prefix=prefix)
