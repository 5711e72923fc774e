"""The project that a command works on, and the place beside git's own files where the command keeps its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from .git import GitError, git
from .report import RefusalError

HOST_ANSWERS = ".copier-answers.yml"
HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folder, and where it lies in its repository, if it is in one.

    `prefix` is the way from the repository's top to the project, `""` or with a slash at its end. `state` is a folder
    of this work tree that git never sees.
    """

    folder: Path
    state: Path
    is_under_git: bool
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
            yield


def find_project(folder: Path) -> Project:
    """Return the project that these scripts belong to, else the one around the folder.

    Raises:
        RefusalError: There is none.
    """
    top = next((each for each in (HERE, folder, *folder.parents) if (each / HOST_ANSWERS).is_file()), None)
    if top is None:
        raise RefusalError(f"There is no project here: {HOST_ANSWERS} is in neither {folder} nor a folder above it.")
    try:
        told = git(top, "rev-parse", "--show-prefix", "--absolute-git-dir").split("\n")
    except GitError:
        return Project(folder=top, state=top / ".dev" / "lifecycle", is_under_git=False, prefix="")
    prefix, git_folder = told[0], Path(told[1])
    state = git_folder / "gold-slice" / (quote(prefix, safe="") or "top")
    return Project(folder=top, state=state, is_under_git=True, prefix=prefix)
