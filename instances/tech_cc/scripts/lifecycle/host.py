"""The three host files that list modules, and what each would hold with all entries, or without them."""

import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .answers import Module
from .conflicts import edited_amid_conflicts, has_conflicts
from .host_lists import HOST_LISTS
from .region import RegionError, dropped_entries, restored, with_entries, without_entries


@dataclass(frozen=True, slots=True)
class Edit:
    """New contents for a host file, which is named by its way from the project's folder."""

    path: str
    before: bytes
    contents: bytes


EditOfList = Callable[[bytes, str, list[str]], bytes]  # source, name of the list, entries


def sync(source: bytes, name: str, entries: list[str]) -> bytes:
    """Return the source with all entries in the list."""
    return with_entries(source, name=name, entries=entries)


def strip(source: bytes, name: str, entries: list[str]) -> bytes:
    """Return the source without the entries, but for those that a user wrote a comment on."""
    return without_entries(source, name=name, entries=entries)


def unregister(source: bytes, name: str, entries: list[str]) -> bytes:
    """Return the source without the entries, whatever a user wrote beside them."""
    return dropped_entries(source, name=name, entries=entries)


def heal(source: bytes, name: str, entries: list[str]) -> bytes:
    """Return the source with all entries in the list, even where a merge left conflicts elsewhere."""
    if has_conflicts(source):
        return edited_amid_conflicts(source, lambda ours: with_entries(ours, name=name, entries=entries))
    return with_entries(source, name=name, entries=entries)


def put_back(source: bytes, name: str, entries: list[str], *, before: bytes, stripped: bytes) -> bytes:
    """Return the source with all entries in the list, those that are not in `stripped` where they stood `before`.

    Where the list has changed meanwhile, they are sorted in; conflicts elsewhere stay as they are.
    """

    def edit(ours: bytes) -> bytes:
        in_place = restored(ours, name=name, stripped=stripped, before=before)
        return with_entries(in_place, name=name, entries=entries)

    return edited_amid_conflicts(source, edit) if has_conflicts(source) else edit(source)


def plan(project: Path, modules: Iterable[Module], edit: EditOfList) -> tuple[list[Edit], list[str]]:
    """Return the files that an edit changes, changed, and a sentence for every file that cannot be edited."""
    edits, problems = [], []
    for listing in HOST_LISTS:
        path = project / listing.path
        try:
            before = path.read_bytes()
            after = edit(before, listing.name, listing.entries(modules))
            _check_writable(path)
        except RegionError as broken:
            problems += [f"{listing.path}{fault}" for fault in broken.faults]
        except OSError as fault:
            problems.append(f"{listing.path}: {fault.strerror}. Fix: {_fix_of(fault, listing.path)}")
        else:
            edits += [Edit(listing.path, before, after)] if after != before else []
    return edits, problems


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
