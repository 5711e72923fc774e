"""The three host files that list modules, and how all of them are brought up to date together or not at all."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from answers import Module
from conflicts import edited_amid_conflicts, has_conflicts
from region import RegionError, with_entries, without_entries


@dataclass(frozen=True, slots=True)
class HostList:
    """A list literal in a host file, and the entries that a module has in it."""

    path: str
    name: str
    entries_of: Callable[[Module], list[str]]


MODEL_FILES = ("mem0_models", "models")
HOST_LISTS = (
    HostList("alembic/env.py", "MODEL_MODULES", lambda m: [f"backend.{m.name}.{file}" for file in MODEL_FILES]),
    HostList("src/cos_main.py", "SLICES", lambda m: [f"backend.{m.name}"]),
    HostList("src/graph/registry.py", "MODULE_LABELS", lambda m: [m.label]),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """New contents for a file."""

    path: Path
    contents: bytes


EditOfList = Callable[[bytes, str, list[str]], bytes]  # source, name of the list, entries


def sync(source: bytes, name: str, entries: list[str]) -> bytes:
    """Return the source with all entries in the list."""
    return with_entries(source, name=name, entries=entries)


def strip(source: bytes, name: str, entries: list[str]) -> bytes:
    """Return the source without the entries, but for those that a user wrote a comment on."""
    return without_entries(source, name=name, entries=entries)


def heal(source: bytes, name: str, entries: list[str]) -> bytes:
    """Return the source with all entries in the list, even where a merge left conflicts elsewhere."""
    if has_conflicts(source):
        return edited_amid_conflicts(source, lambda ours: with_entries(ours, name=name, entries=entries))
    return with_entries(source, name=name, entries=entries)


def plan(project: Path, modules: Iterable[Module], edit: EditOfList) -> tuple[list[Edit], list[str]]:
    """Return the files that an edit changes, changed, and a sentence for every file that cannot be edited."""
    edits, problems = [], []
    for listing in HOST_LISTS:
        path = project / listing.path
        entries = [entry for module in modules for entry in listing.entries_of(module)]
        try:
            before = path.read_bytes()
            after = edit(before, listing.name, entries)
            _check_writable(path)
        except RegionError as broken:
            problems += [f"{listing.path}{fault}" for fault in broken.faults]
        except OSError as fault:
            problems.append(f"{listing.path}: {fault.strerror}. Fix: {_fix_of(fault, listing.path)}")
        else:
            edits += [Edit(path, after)] if after != before else []
    return edits, problems


def write_all(edits: Iterable[Edit]) -> None:
    """Write each file whole: a reader, or a kill, meets the old contents or the new ones, never a mixture.

    Raises:
        OSError: A file could not be written, for lack of space say; then none was changed.
    """
    staged: dict[Path, Path] = {}
    try:
        for edit in edits:
            path = edit.path.resolve()
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            staged[Path(name)] = path
            _write(descriptor, edit.contents)
            Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
    except OSError:
        for temporary in staged:
            temporary.unlink()
        raise
    for temporary, path in staged.items():
        temporary.replace(path)


def _write(descriptor: int, contents: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())


def _check_writable(path: Path) -> None:
    # The mode, not os.access: replacing a file needs no permission on it, and root has every permission.
    if not path.stat().st_mode & stat.S_IWUSR:
        raise PermissionError(None, "the file is read-only")


def _fix_of(fault: OSError, path: str) -> str:
    if isinstance(fault, FileNotFoundError):
        return "run this in the folder of a project, or restore the file from git."
    if isinstance(fault, PermissionError):
        return f"chmod u+w {path}"
    return "look at the file."
