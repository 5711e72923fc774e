"""Edit the host's lists of modules: by `add_entries` or `remove_entries`, in all host files or in none."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .answers import Module
from .host_lists import HostList
from .list_literal import ListError

type EditOfList = Callable[..., bytes]  # takes the source, `name` of the list, and `entries`


def host_edits(
    project: Path, lists: Sequence[HostList], modules: Iterable[Module], edit: EditOfList
) -> tuple[dict[str, bytes], list[str]]:
    """Return the new contents of the host files that the edit changes, and a sentence for each file it cannot edit."""
    edited: dict[str, bytes] = {}
    problems: list[str] = []
    for each in lists:
        path = project / each.file
        try:
            before = edited.get(each.file) or path.read_bytes()
            after = edit(before, name=each.name, entries=each.entries_of(modules))
            if after != before:
                edited[each.file] = after
            _check_writable(path)
        except ListError as broken:
            problems += [f"{each.file}{fault}" for fault in broken.faults]
        except OSError as fault:
            problems.append(f"{each.file}: {fault.strerror}. Fix: {_fix_of(fault, each.file)}")
    return edited, problems


def write_all(project: Path, edits: dict[str, bytes]) -> None:
    """Write every file by replacing it, after all new contents are on the disk.

    Raises:
        OSError: A file could not be written, because the disk is full for example. No file was changed.
    """
    staged: dict[Path, Path] = {}
    try:
        for name, contents in edits.items():
            path = (project / name).resolve()
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            staged[Path(temporary)] = path
            with os.fdopen(descriptor, "wb") as file:
                file.write(contents)
                os.fsync(file.fileno())
            Path(temporary).chmod(stat.S_IMODE(path.stat().st_mode))
    except OSError:
        for temporary_path in staged:
            temporary_path.unlink()
        raise
    for temporary_path, path in staged.items():
        temporary_path.replace(path)


def _check_writable(path: Path) -> None:
    # The mode decides, not os.access: root has every permission, and replacing a file needs none on it.
    if not path.stat().st_mode & stat.S_IWUSR:
        raise PermissionError(None, "the file is read-only")


def _fix_of(fault: OSError, path: str) -> str:
    if isinstance(fault, FileNotFoundError):
        return "run this in the folder of a project, or restore the file from git."
    if isinstance(fault, PermissionError):
        return f"chmod u+w {path}"
    return "look at the file."
