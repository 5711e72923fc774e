"""Work out what a release makes of a project: what of it changed, and what git cannot merge by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .answers import Module
from .host import put_back, strip
from .host_lists import HOST_LISTS
from .merge import Sides, merge
from .objects import Blob, Tree, read_blob, read_tree, write_blob
from .parts import Outcome, Part, Renders, Target
from .project import Project
from .region import RegionError
from .report import Change, Kind, RefusalError
from .seal import MARK_OF_MODULE


@dataclass(frozen=True, slots=True)
class Update:
    """A project on its way to a release; `scratch` is a folder for what is only needed meanwhile."""

    project: Project
    modules: Sequence[Module]
    target: Target
    scratch: Path

    def work_out(self, parts: Sequence[Part], renders: Renders) -> Outcome:
        """Return what the parts become; nothing of the project is changed.

        Each part is merged by itself, so that a file is only ever taken for one of its own part under another name.

        Raises:
            RefusalError: A host file cannot be read.
        """
        files = read_tree(self.project.top, f"HEAD:{self.project.prefix}")
        ours_of = _by_owner(files, self.modules)
        outcome = Outcome(files=dict(files))
        for part in parts:
            sides = Sides(renders.bases[part.name], ours_of[part.module], renders.theirs[part.name])
            self._merge(part, sides, outcome)
        self._refuse_files_for_folders(files, outcome.files)
        return outcome

    def _refuse_files_for_folders(self, before: Tree, after: Tree) -> None:
        """Return if no file has the name of a folder: git would drop one of the two without a word."""
        both = sorted({str(way) for path in after for way in PurePosixPath(path).parents} & after.keys())
        release = self.target.release.name
        if both:
            raise RefusalError(
                *(
                    f"{path} is a {'file' if path in before else 'folder'} of yours, and gold slice {release} has a "
                    f"{'folder' if path in before else 'file'} of that name. Move yours, and commit that."
                    for path in both
                )
            )

    def _merge(self, part: Part, sides: Sides, outcome: Outcome) -> None:
        """Merge a part, and put what came of it into the outcome."""
        moves = _declared_moves(part, self.target, sides)
        seen = self._without_entries(sides.ours) if part.module is None else _without_seal(sides, part.module)
        moved = Sides(_moved(sides.base, moves), _moved(seen, moves), sides.theirs)
        labels = ("yours", f"gold slice {self.target.release.name}")
        merged = merge(self.project.top, moved, labels=labels, scratch=self.scratch)
        files = self._with_entries(merged.files, sides.ours, seen) if part.module is None else merged.files
        for path in sides.ours:
            del outcome.files[path]
        outcome.files |= files
        outcome.conflicts += merged.conflicts
        outcome.changes += [Change(part.name, kind, path) for path, kind in _kinds(sides.ours, files, merged.kinds)]

    def _without_entries(self, ours: Tree) -> dict[str, Blob]:
        """Return the host's files with the modules' entries out of the way, as the template has them."""
        stripped, problems = dict(ours), []
        for listing in HOST_LISTS:
            try:
                blob = ours[listing.path]
                contents = strip(self._read(blob), listing.name, listing.entries(self.modules))
                stripped[listing.path] = self._written(blob, contents)
            except KeyError:
                problems.append(f"{listing.path} is not in the last commit. Fix: restore it from git, and commit.")
            except RegionError as broken:
                problems += [f"{listing.path}{fault}" for fault in broken.faults]
        if problems:
            raise RefusalError(*problems)
        return stripped

    def _with_entries(self, files: Mapping[str, Blob], ours: Tree, seen: Tree) -> dict[str, Blob]:
        """Return the host's files with the modules' entries back in their lists, as far as a conflict allows."""
        healed = dict(files)
        for listing in HOST_LISTS:
            if blob := files.get(listing.path):
                try:
                    before, stripped = (self._read(side[listing.path]) for side in (ours, seen))
                    entries = listing.entries(self.modules)
                    contents = put_back(self._read(blob), listing.name, entries, before=before, stripped=stripped)
                except RegionError:  # the list itself is in conflict: it is filled when that is settled
                    continue
                healed[listing.path] = self._written(blob, contents)
        return healed

    def _read(self, blob: Blob) -> bytes:
        return read_blob(self.project.top, blob)

    def _written(self, blob: Blob, contents: bytes) -> Blob:
        return Blob(blob.mode, write_blob(self.project.top, contents))


def _kinds(ours: Tree, files: Tree, told: Mapping[str, Kind]) -> list[tuple[str, Kind]]:
    """Return what happens to each file that changes, and to each whose edit had a say in it."""
    changed = {path for path in ours.keys() | files.keys() if ours.get(path) != files.get(path)}
    plain = {path: _plain_kind(path, ours, files) for path in changed}
    edited = {path: kind for path, kind in told.items() if kind in (Kind.KEPT, Kind.DROPPED, Kind.CONFLICT)}
    moved = {path: Kind.MERGED for path, kind in edited.items() if path in changed and kind == Kind.KEPT}
    kinds = plain | {path: kind for path, kind in told.items() if path in changed} | edited | moved
    return sorted(kinds.items())


def _plain_kind(path: str, ours: Tree, files: Tree) -> Kind:
    if path not in ours:
        return Kind.ADDED
    return Kind.UPDATED if path in files else Kind.REMOVED


def _by_owner(files: Tree, modules: Sequence[Module]) -> dict[Module | None, dict[str, Blob]]:
    """Return the files of each module, and under None those of the host."""
    owner_of = {folder.rstrip("/"): module for module in modules for folder in module.folders}
    owner_of |= {module.answers_file: module for module in modules}
    trees: dict[Module | None, dict[str, Blob]] = {module: {} for module in (None, *modules)}
    for path, blob in files.items():
        parts = path.split("/")
        ways = ("/".join(parts[:depth]) for depth in range(1, 5))
        trees[next((owner_of[way] for way in ways if way in owner_of), None)][path] = blob
    return trees


def _without_seal(sides: Sides, module: Module) -> dict[str, Blob]:
    """Return the module's files as if nobody had touched its seal, which is never merged."""
    return {**sides.ours, module.seal: sides.base[module.seal]}


def _declared_moves(part: Part, target: Target, sides: Sides) -> dict[str, str]:
    """Return the renames that the releases on the way declare, in the part's own names, old to new."""
    moves: dict[str, str] = {}
    name = part.module.name if part.module else ""
    for notes in target.notes(part).values():
        for before, now in notes.renamed.items():
            old, new = (path.replace(MARK_OF_MODULE, name) for path in (before, now))
            origin = next((start for start, end in moves.items() if end == old), old)
            moves[origin] = new
    moved = {old: new for old, new in moves.items() if old in sides.base and new in sides.theirs}
    return {old: new for old, new in moved.items() if new not in sides.ours}


def _moved(tree: Tree, moves: Mapping[str, str]) -> dict[str, Blob]:
    return {moves.get(path, path): blob for path, blob in tree.items()}
