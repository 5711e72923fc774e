"""Register modules in the host's lists, and unregister them."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .answers import Module
from .conflict_markers import edited_beside_conflicts, has_conflicts
from .host_lists import HostList
from .list_literal import ListError, add_entries, remove_entries

type EditOfList = Callable[[bytes, str, Iterable[str]], bytes]  # source, name of the list, entries


def register(source: bytes, name: str, entries: Iterable[str]) -> bytes:
    """Return the source with all entries in the list."""
    return add_entries(source, name=name, entries=entries)


def register_beside_conflicts(source: bytes, name: str, entries: Iterable[str]) -> bytes:
    """Return the source with all entries in the list; conflicts that `copier update` left elsewhere stay."""
    if has_conflicts(source):
        return edited_beside_conflicts(source, lambda ours: add_entries(ours, name=name, entries=entries))
    return add_entries(source, name=name, entries=entries)


def unregister(source: bytes, name: str, entries: Iterable[str]) -> bytes:
    """Return the source without the entries. A comment on the line of an entry goes with it."""
    return remove_entries(source, name=name, entries=entries)


def unregister_plain(source: bytes, name: str, entries: Iterable[str]) -> bytes:
    """Return the source without those entries that have no comment and no neighbour on their line."""
    return remove_entries(source, name=name, entries=entries, only_plain=True)


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
            after = edit(before, each.name, each.entries_of(modules))
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
