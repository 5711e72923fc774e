"""Move the user's branch to a commit that was made aside, and nothing else of the user's with it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from .git import GitError, git, run_git
from .project import Project
from .report import RefusalError


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the branch is, where it goes, and the lines of `git update-index --index-info` that lead there."""

    old: str
    new: str
    index: list[str]
    message: str


def move_branch(project: Project, landing: Landing) -> None:
    """Bring index and branch to the new commit; what else the user had staged stays staged. A second call does nothing.

    Raises:
        RefusalError: Somebody else moved the branch.
    """
    head = git(project.folder, "rev-parse", "HEAD").strip()
    if head not in (landing.old, landing.new):
        raise RefusalError(
            f"The branch moved to {head[:12]} after an update to {landing.new[:12]} was interrupted. "
            f"Go back to where it was (`git reset --soft {landing.old[:12]}`), and try again."
        )
    _update_index(project, landing.index)
    if head == landing.old:
        _drop_locks_of_killed_git(project)
        git(project.folder, "update-ref", "-m", landing.message, "HEAD", landing.new, landing.old)


def _update_index(project: Project, lines: list[str]) -> None:
    """Change the index in a copy and put that in its place, so that a kill leaves no lock behind."""
    index = Path(git(project.folder, "rev-parse", "--path-format=absolute", "--git-path", "index").strip())
    copy = project.state / "index"
    shutil.copyfile(index, copy)
    environment = {"GIT_INDEX_FILE": str(copy)}
    # Paths of --index-info count from the repository's top, wherever git is called.
    git(
        project.folder,
        "update-index",
        "-z",
        "--index-info",
        stdin="".join(f"{line}\0" for line in lines),
        env=environment,
    )
    run_git(
        project.folder, "update-index", "-q", "--refresh", env=environment
    )  # or `git reset --keep` would not trust it
    copy.replace(index)


def _drop_locks_of_killed_git(project: Project) -> None:
    """Remove the locks of an `update-ref` of ours that was killed."""
    try:
        names = ["HEAD", git(project.folder, "symbolic-ref", "-q", "HEAD").strip()]
    except GitError:  # a detached HEAD
        names = ["HEAD"]
    for name in names:
        lock = git(project.folder, "rev-parse", "--path-format=absolute", "--git-path", f"{name}.lock").strip()
        Path(lock).unlink(missing_ok=True)
