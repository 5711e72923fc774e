"""Apply the codemods of releases to all Python files of a project."""

import ast
import importlib.util
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from typing import Any

import libcst as cst

from ..answers import HOST_ANSWERS, Module
from ..releases import notes_between
from ..report import RefusalError
from .attributes import with_heirs
from .codemod import Codemod, belongs_to_modules, for_modules
from .renames import Renamed, moved, rename
from .source import Change, Draft, Place, Source

FOLDER = "gold_slice/codemods"


def codemods_between(
    template: Path, modules: Sequence[Module], *, since: Mapping[str, str], until: str
) -> list[tuple[str, list[Codemod]]]:
    """Return the codemods of every release on the way, oldest first; `since` is the release of each answers file.

    Those of modules are for the modules that are on the way from an earlier release, the others for the host.
    """
    tags = {file.stem.replace("_", "."): "" for file in (template / FOLDER).glob("v[0-9]*.py")}
    passed = {file: notes_between(tags, after=release, until=until) for file, release in since.items()}
    found: dict[str, list[Codemod]] = {}
    for tag in notes_between(tags, after="v0.0.0", until=until):
        names = [module.name for module in modules if tag in passed.get(module.answers_file, ())]
        for codemod in codemods_of(template, tag) if any(tag in tags_of for tags_of in passed.values()) else ():
            if belongs_to_modules(codemod):
                found.setdefault(tag, []).extend(for_modules(codemod, names))
            elif tag in passed.get(HOST_ANSWERS, ()):
                found.setdefault(tag, []).append(codemod)
    return list(found.items())


def codemods_of(template: Path, tag: str) -> list[Codemod]:
    """Return the codemods that a template's files hold for a release, in order.

    Raises:
        RefusalError: The file cannot be imported, or has no list of codemods.
    """
    name = tag.replace(".", "_")
    file = template / FOLDER / f"{name}.py"
    if not file.is_file():
        return []
    specification = importlib.util.spec_from_file_location(f"codemods_of_{name}_{template.name}", file)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # dataclasses look there for what annotations in quotes mean
    try:
        specification.loader.exec_module(module)
        codemods = list(module.CODEMODS)
    except (Exception, SystemExit) as fault:  # it is code of the template
        why = "it ends the command" if isinstance(fault, SystemExit) else fault
        raise RefusalError(f"The template's {FOLDER}/{name}.py cannot be used: {why}. Tell its maintainers.") from fault
    if wrong := [each for each in codemods if not isinstance(each, Codemod)]:
        raise RefusalError(f"The template's {FOLDER}/{name}.py lists {wrong[0]!r}, which is no codemod.")
    return codemods


def migrate(folder: Path, paths: Iterable[str], codemods: Iterable[tuple[str, Sequence[Codemod]]]) -> "Migration":
    """Return what the codemods of each release make of the files of a folder; nothing is written."""
    migration = Migration({path: Source(path, (folder / path).read_bytes()) for path in sorted(paths)})
    for release, of_release in codemods:
        migration.apply(of_release, release=release)
    return migration


@dataclass(slots=True)
class Migration:
    """The files of a project on their way through the codemods: what they hold, why, and what a person must look at."""

    sources: dict[str, Source]
    reasons: dict[str, list[str]] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)
    drafts: set[Draft] = field(default_factory=set)
    unreadable: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    spared: Container[str] = ()

    def apply(self, codemods: Sequence[Codemod], *, release: str, spared: Container[str] = ()) -> None:
        """Apply the codemods of one release in their order; renames in a row are one pass.

        Files that are `spared` stay: they are as a release makes them that has these codemods behind it.
        """
        self.spared = spared
        for is_renaming, group in groupby(codemods, key=lambda each: isinstance(each, Renamed)):
            alike = list(group)
            if is_renaming:
                self._rename([each for each in alike if isinstance(each, Renamed)], release)
            for codemod in [] if is_renaming else alike:
                each = with_heirs(codemod, self.sources.values())
                self._change([each], each.change, release)

    def told(self) -> list[Place]:
        """Return the places, in the order of the files."""
        unread = [
            Place(path, line, f"the file is not valid Python, and was not changed: {'; '.join(why)}")
            for path, (line, why) in self.unreadable.items()
        ]
        return sorted([*self.places, *unread])

    def definition(self, name: str) -> tuple[str, int] | None:
        """Return path and line at which a module has a function, class, value or import of a full name."""
        home, _, last = name.rpartition(".")
        folder = home.replace(".", "/")
        for path in (f"{folder}.py", f"{folder}/__init__.py"):
            source = self.sources.get(path)
            if source and source.has_word(name):
                with suppress(SyntaxError, ValueError):
                    return next(
                        ((path, node.lineno) for node in source.syntax.body if last in _names_given(node)), None
                    )
        return None

    def _rename(self, renamed: Sequence[Renamed], release: str) -> None:
        """Rename everything at once; then, what other files take from files in which a name changed."""
        names = {each.old: each.new for each in renamed}
        carried = self._change(renamed, lambda source: rename(source, names), release)
        carried |= self._held_in_files_of_the_release(names)
        self.places = {_renamed_again(place, names) for place in self.places}
        further = [Renamed(old, new) for old, new in carried.items()]
        self._change(further, lambda source: rename(source, carried), release, is_carried=True)

    def _change(
        self,
        codemods: Sequence[Codemod],
        change_of: Callable[[Source], Change],
        release: str,
        *,
        is_carried: bool = False,
    ) -> dict[str, str]:
        """Change all files that a codemod concerns, and return the names of files that changed with it."""
        carried: dict[str, str] = {}
        for path, source in list(self.sources.items()):
            if path in self.spared or (path in self.unreadable and is_carried):
                continue
            why: list[str] = []
            try:
                why = [f"{release}: {each.why}" for each in codemods if each.concerns(source)]
                change = _checked(change_of(source)) if why else Change(source.code)
                if change.code != source.code:
                    ast.parse(change.code)
            except (Exception, SystemExit) as fault:  # noqa: BLE001  # a codemod may be at fault, and the update must not depend on one file
                self._note_fault(source, codemods, release, fault)
                continue
            self.places.update(change.places)
            self.drafts.update(change.drafts)
            carried |= change.carried
            if change.code != source.code:
                self.places = {_on_its_line(each, source, change.code) for each in self.places}
                self.sources[path] = Source(path, change.code)
                self.reasons.setdefault(path, []).extend(why)
        return carried

    def _note_fault(self, source: Source, codemods: Sequence[Codemod], release: str, fault: BaseException) -> None:
        """Note a file that is not valid Python; or else that a codemod failed on it."""
        concerned = [each for each in codemods if not isinstance(each, Renamed) or each.is_in(source)]
        why = [f"{release}: {_why(each)}" for each in concerned]
        wrong = _syntax_fault(source)
        if wrong is None:
            what = f"the codemod failed here, and changed nothing ({type(fault).__name__}: {fault}): {'; '.join(why)}"
            self.places.add(Place(source.path, 1, what))
        else:
            line = getattr(wrong, "lineno", None) or getattr(wrong, "raw_line", None) or 1
            self.unreadable.setdefault(source.path, (line, []))[1].extend(why)

    def _held_in_files_of_the_release(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return the names under which merged files hold what has another name now: tests replace them there."""
        held: dict[str, str] = {}
        pairs = [(new, old.rpartition(".")[2], new.rpartition(".")[2]) for old, new in names.items()]
        for path, source in self.sources.items():
            for new, before, now in pairs:
                if before == now or path in self.unreadable or not source.has_word(now):
                    continue
                with suppress(SyntaxError, ValueError):
                    if new in source.mentions and not source.has_word(before):
                        held |= {f"{module}.{before}": f"{module}.{now}" for module in source.modules}
        return held


def _names_given(node: ast.stmt) -> set[str]:
    """Return the names to which a statement of a module gives a value."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name for alias in node.names}
    targets = (
        node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None), getattr(node, "name", None)]
    )
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _checked(change: Any) -> Change:
    """Return what a codemod returned.

    Raises:
        TypeError: It is something else than it must be.
    """
    if not isinstance(change, Change) or not isinstance(change.code, bytes):
        raise TypeError("`change` must return a Change, whose code is bytes")
    places: list[Any] = change.places
    if wrong := [each for each in places if not isinstance(each, Place)]:
        raise TypeError(f"{wrong[0]!r} is no Place")
    return change


def _why(codemod: Codemod) -> str:
    """Return the reason of a codemod, or its name if the codemod fails to tell it."""
    try:
        return str(codemod.why)
    except Exception:  # noqa: BLE001  # it is code of the template
        return type(codemod).__name__


def _on_its_line(place: Place, source: Source, changed: bytes) -> Place:
    """Return a place with the line that it has in the changed file."""
    before, after = source.code.splitlines(), changed.splitlines()
    if place.path != source.path or len(before) == len(after):
        return place
    for _tag, start, end, start_now, end_now in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if start < place.line <= end:
            return replace(place, line=min(start_now + place.line - start, max(end_now, start_now + 1)))
    return place


def _renamed_again(place: Place, names: Mapping[str, str]) -> Place:
    """Return a place with the name that a later release gave to the one that it says."""
    now = moved(place.now, names)
    return replace(place, what=place.what.replace(f" is {place.now}", f" is {now}", 1), now=now)


def _syntax_fault(source: Source) -> Exception | None:
    """Return what is wrong with the file as Python, if anything is."""
    try:
        ast.parse(source.code)
        cst.parse_module(source.code)
    except (SyntaxError, ValueError, cst.ParserSyntaxError) as fault:
        return fault
    return None
