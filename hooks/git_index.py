"""What the hook asks of git: to stage files, and to take that back."""

import subprocess
from collections.abc import Sequence
from pathlib import Path


def add(project: Path, paths: Sequence[Path]) -> None:
    """Stage the files."""
    if paths:
        _git(project, "add", *_names(project, paths))


def unstage(project: Path, paths: Sequence[Path]) -> None:
    """Take the files out of what is staged; one with an unresolved conflict keeps its mark as such."""
    merged = [path for path in paths if not _git(project, "ls-files", "--unmerged", *_names(project, [path]))]
    if merged:
        _git(project, "reset", "--quiet", *_names(project, merged))


def _names(project: Path, paths: Sequence[Path]) -> list[str]:
    return ["--", *(str(path.relative_to(project)) for path in paths)]


def _git(project: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True, text=True).stdout
