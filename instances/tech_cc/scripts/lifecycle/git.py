"""Ask git, in a form that does not depend on the user's settings, language or shell."""

import os
import subprocess
from pathlib import Path

# Set where a hook of git calls us, or by a user; they would point every command at another repository or other files.
FOREIGN = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
}
# A hook that fails would leave a change half done: what we do is plumbing, and a user's commit it is not.
SETTINGS = ["-c", "core.quotePath=false", "-c", "advice.detachedHead=false", "-c", f"core.hooksPath={os.devnull}"]


class GitError(Exception):
    """A command of git failed; the message is what git said."""


def git(folder: Path, *arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> str:
    """Return what a command prints, as text.

    Raises:
        GitError: It ended with another status than 0, or git is not installed.
    """
    return git_bytes(folder, *arguments, stdin=stdin.encode(errors="surrogateescape"), env=env).decode(
        errors="surrogateescape"
    )


def git_bytes(folder: Path, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """Return what a command prints, as it is."""
    status, output, complaint = run_git(folder, *arguments, stdin=stdin, env=env)
    if status != 0:
        raise GitError(complaint.strip() or f"git {arguments[0]} ended with status {status}")
    return output


def run_git(
    folder: Path, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None
) -> tuple[int, bytes, str]:
    """Return status, output and complaint of a command whose status is part of the answer."""
    environment = (
        {key: value for key, value in os.environ.items() if key not in FOREIGN} | {"LC_ALL": "C"} | (env or {})
    )
    command = ["git", *_place(folder), *SETTINGS, *arguments]
    try:
        done = subprocess.run(command, cwd=folder, env=environment, input=stdin, capture_output=True, check=False)
    except FileNotFoundError:
        raise GitError("git is not installed" if folder.is_dir() else f"the folder {folder} is missing") from None
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def _place(folder: Path) -> list[str]:
    """Name a bare repository outright, for `safe.bareRepository=explicit` keeps git from finding it."""
    return ["--git-dir=."] if folder.suffix == ".git" and (folder / "HEAD").is_file() else []
