"""Run git so that its output does not depend on the user's language, shell or repository variables."""

import os
import shutil
import subprocess
from pathlib import Path

# A git hook, or a user, sets these. They would point our commands at another repository or at other files.
FOREIGN = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
}
READABLE = ("-c", "core.quotePath=false", "-c", "advice.detachedHead=false")
# For commits that nobody keeps: no hook and no signature, a name where the user has none, and a whole work tree.
TEMPORARY = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "commit.gpgSign=false", "-c", "core.sparseCheckout=false"),
    *("-c", "user.name=gold slice", "-c", "user.email=gold-slice@localhost", "-c", "core.editor=true"),
    *("-c", "merge.renames=true", "-c", "merge.directoryRenames=false", "-c", "core.safecrlf=false"),
)


class GitError(Exception):
    """A git command failed. The message is what git printed."""


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    """Return what a git command prints.

    Raises:
        GitError: It ended with another status than 0, or git is not installed.
    """
    done = try_git(folder, *arguments, stdin=stdin)
    if done.returncode != 0:
        raise GitError(done.stderr.strip() or f"git {arguments[0]} ended with status {done.returncode}")
    return done.stdout


def try_git(
    folder: Path, *arguments: str, stdin: str = "", index: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Return status and output of a git command whose status is part of the answer; `index` replaces git's own."""
    environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    # Without optional locks, `git status` that is killed leaves no index.lock.
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    environment |= {"GIT_INDEX_FILE": str(index)} if index else {}
    # A repository is named outright if it is bare: `safe.bareRepository=explicit` keeps git from finding it.
    place = ["--git-dir=."] if folder.suffix == ".git" and (folder / "HEAD").is_file() else []
    command = ["git", *place, *READABLE, *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, input=os.fsencode(stdin), capture_output=True, check=False
        )
    except FileNotFoundError:
        raise GitError("git is not installed" if folder.is_dir() else f"the folder {folder} is missing") from None
    # Not in text mode, which would change the line ends of contents.
    return subprocess.CompletedProcess(command, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


def temporarily(folder: Path, *arguments: str, stdin: str = "") -> str:
    """Return what a git command prints that makes or moves temporary commits."""
    return git(folder, *TEMPORARY, *arguments, stdin=stdin)


def git_path(folder: Path, name: str) -> Path:
    """Return where git keeps a file of its own, such as `index`."""
    return Path(git(folder, "rev-parse", "--path-format=absolute", "--git-path", name).strip())


def lines(output: str) -> list[str]:
    """Return the fields of NUL-terminated output."""
    return [field for field in output.split("\0") if field]


def remove_work_tree(top: Path, linked: Path) -> None:
    """Remove a linked work tree of a repository, whole or half made; others are not touched."""
    if linked.exists():
        try_git(top, "worktree", "remove", "--force", "--force", str(linked))
        shutil.rmtree(linked, ignore_errors=True)
    for note in git_path(top, "worktrees").glob("*/gitdir"):  # of one that was killed half made
        if Path(note.read_text().strip()) == linked / ".git":
            shutil.rmtree(note.parent, ignore_errors=True)
