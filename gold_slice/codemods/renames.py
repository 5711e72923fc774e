"""Rename what a file imports or defines: functions, classes, constants, modules, and attributes of classes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst
from libcst import matchers as m
from libcst.helpers import get_full_name_for_node
from libcst.metadata import ClassScope

from .imports import Import, aliases_of, as_name, from_module, split, with_imports
from .source import Change, Edit, Place, Source, dotted, edited, text_of, with_text


@dataclass(frozen=True, slots=True)
class Renamed:
    """A function, class, constant, module, or an attribute of a class, has another full name or another home."""

    old: str
    new: str

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""
        return f"{self.old} is {self.new}"

    def concerns(self, source: Source) -> bool:
        """Return whether the file may name it."""
        return self.is_in(source) and any(
            f"{name}.".startswith(f"{self.old}.") or self.old.startswith(f"{name}.") for name in source.mentions
        )

    def is_in(self, source: Source) -> bool:
        """Return whether the last part of the name is anywhere in the file, which may not be valid Python."""
        return source.has_word(self.old)

    def change(self, source: Source) -> Change:
        """Return the file with the name replaced."""
        return rename(source, {self.old: self.new})


def rename(source: Source, names: Mapping[str, str]) -> Change:
    """Return a file in which each full dotted name is replaced by another: imports, uses, and strings that name it."""
    source = source.about(*names.keys(), *names.values())
    renaming = _Renaming(source, names)
    for statement in source.of(cst.ImportFrom):
        renaming.importfrom_module(statement)
    for alias in (alias for statement in source.of(cst.Import) for alias in statement.names):
        renaming.plain_import(alias)
    renaming.uses()
    renaming.unresolved()
    renaming.strings()
    renaming.names_beside_objects()
    carried = {f"{each}.{old}": f"{each}.{new}" for old, new in renaming.locals.items() for each in source.modules}
    return Change(renaming.code(), renaming.places, carried)


def moved(name: str, names: Mapping[str, str]) -> str:
    """Return a dotted name with its longest beginning replaced that has another name."""
    beginning, rest = name, ""
    while beginning:
        if beginning in names:
            return names[beginning] + rest
        beginning, dot, last = beginning.rpartition(".")
        rest = f"{dot}{last}{rest}"
    return name


@dataclass(slots=True)
class _Renaming:
    source: Source
    names: Mapping[str, str]
    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    locals: dict[str, str] = field(default_factory=dict)  # names of the file that are others now
    needed: set[Import] = field(default_factory=set)  # imports: module, name, alias
    perhaps_unused: set[Import] = field(default_factory=set)

    # Imports

    def importfrom_module(self, statement: cst.ImportFrom) -> None:
        module = self.source.imported_module(statement)
        home = moved(module, self.names)
        if isinstance(statement.names, cst.ImportStar):
            self._star(module)
            if home != module:
                self.edits[statement] = lambda node: from_module(node, home, self.source)
            return
        by_module: dict[str, list[cst.ImportAlias]] = {}
        is_changed = home != module
        for alias in statement.names:
            full = f"{module}.{alias.evaluated_name}"
            new = self.names.get(full)
            target = new.rpartition(".") if new else (home, ".", alias.evaluated_name)
            is_changed |= new is not None
            renamed = self._alias(alias, target[2], full="".join(target)) if new else alias
            by_module.setdefault(target[0], []).append(renamed)
        if is_changed:
            of_old = {home: by_module.pop(home)} if home in by_module else {}
            place = next(
                (line for line in self.source.of(cst.SimpleStatementLine) if [*line.body] == [statement]), statement
            )
            self.edits[place] = lambda node: split(node, of_old | by_module, self.source)

    def _alias(self, alias: cst.ImportAlias, name: str, *, full: str) -> cst.ImportAlias:
        """Return an alias with another name; the file keeps its own name for it where the new one is taken."""
        old = alias.evaluated_name
        if alias.asname is None and name != old:
            is_taken = self._is_taken(name, by_other_than=full) or self._is_captured(old, name)
            if is_taken or self._is_exported(old) or self._has_other_values(old, alias):
                return alias.with_changes(name=cst.Name(name), asname=as_name(old))
            self.locals[old] = name
        return alias.with_changes(name=cst.Name(name))

    def plain_import(self, alias: cst.ImportAlias) -> None:
        name = get_full_name_for_node(alias.name) or ""
        if (new := moved(name, self.names)) != name:
            self.edits[alias] = lambda node: node.with_changes(name=dotted(new))

    def _star(self, module: str) -> None:
        for name in self.source.unresolved():
            if new := self.names.get(f"{module}.{name.value}"):
                what = f"{name.value} comes from `import *`, and is {new} now: write that, and import it by its name"
                self.places.append(self.source.place(name, what, now=new))

    def _is_taken(self, name: str, *, by_other_than: str) -> bool:
        """Return whether the file uses a name for something else than what it will stand for."""
        allowed = {by_other_than, *(old for old, new in self.names.items() if new == by_other_than)}
        uses = (node for node in self.source.of(cst.Name) if node.value == name)
        if any((found := self.source.names_of(node)) and not found & allowed for node in uses):
            return True
        aliases = (
            (statement, alias) for statement in self.source.of(cst.ImportFrom) for alias in aliases_of(statement)
        )
        return any(
            (alias.evaluated_alias or alias.evaluated_name) == name
            and f"{self.source.imported_module(statement)}.{alias.evaluated_name}" not in allowed
            for statement, alias in aliases
        )

    def _is_exported(self, name: str) -> bool:
        return b"__all__" in self.source.code and any(
            text_of(each) == name for each in self.source.of(cst.SimpleString)
        )

    def _has_other_values(self, name: str, alias: cst.ImportAlias) -> bool:
        """Return whether others may know the name, or the file gives it other values, as where the import may fail."""
        scope = self.source.scopes.get(alias)
        if any(name == item.name.value for each in self.source.of(cst.Global) for item in each.names):
            return True
        names = self.source.names_in(scope, name) if scope else set()
        return isinstance(scope, ClassScope) or not names <= self.names.keys()

    def _is_captured(self, *names: str) -> bool:
        """Return whether a `case` gives a value to one of the names, which scopes do not know of."""
        captured = [each.name for each in self.source.of(cst.MatchAs)]
        captured += [each.name for each in self.source.of(cst.MatchStar)]
        captured += [each.rest for each in self.source.of(cst.MatchMapping)]
        return any(each is not None and each.value in names for each in captured)

    # Uses

    def uses(self) -> None:
        """Change names that were imported, and attributes of modules and classes."""
        for name in self.source.of(cst.Name):
            self._name(name)
        accesses = [access for scope in set(self.source.scopes.values()) for access in scope.accesses]
        for string in {each.node for each in accesses if isinstance(each.node, cst.SimpleString)}:
            self._annotation(string)
        last = {old.rpartition(".")[2] for old in self.names}
        for attribute in self.source.of(cst.Attribute):
            if attribute.attr.value in last:
                for old in self.source.names_of(attribute) & self.names.keys():
                    self._attribute(attribute, old, self.names[old])

    def _name(self, name: cst.Name) -> None:
        if (local := self.locals.get(name.value)) and self.source.names_of(name) & self.names.keys():
            self.edits[name] = _value(local)
        elif (package := self.names.get(name.value)) and name.value in self.source.names_of(name):
            self.edits[name] = lambda _: dotted(package)  # it is imported as a whole

    def _annotation(self, string: cst.SimpleString) -> None:
        """Change the names in an annotation that is in quotes."""
        expression = cst.parse_expression(text_of(string))
        attributes = [node for node in m.findall(expression, m.Attribute()) if isinstance(node, cst.Attribute)]
        for attribute in attributes:
            for old in self.source.names_written(attribute) & self.names.keys():
                self._attribute(attribute, old, self.names[old])
        behind_dots = [each.attr for each in attributes]
        for name in m.findall(expression, m.Name()):
            if isinstance(name, cst.Name) and name not in behind_dots and name.value in self.locals:
                self.edits[name] = _value(self.locals[name.value])
        text = cst.Module([]).code_for_node(edited(expression, self.edits))
        if text != text_of(string):
            self._string(string, text_of(string), text)

    def _attribute(self, attribute: cst.Attribute, old: str, new: str) -> None:
        text = get_full_name_for_node(attribute) or ""
        root = text.partition(".")[0]
        above = ".".join(old.split(".")[: -text.count(".")])  # what the first name of the expression stands for
        home, _, name = new.rpartition(".")
        if new.startswith(f"{(now := moved(above, self.names))}."):
            self.edits[attribute] = lambda _: dotted(self.locals.get(root, root) + new.removeprefix(now))
            if root == above and not self._imports_below(old) and home != old.rpartition(".")[0]:
                self.needed.add((home, None, None))
                self.perhaps_unused.add((old.rpartition(".")[0], None, None))
        elif root == above and self._imports_below(old):
            self.edits[attribute] = lambda _: dotted(new)
        else:
            alias = None
            if self._is_taken(name, by_other_than=new):
                alias = f"{home.rpartition('.')[2]}_{name}"
            self.needed.add((home, name, alias))
            self.perhaps_unused |= set(self._imports_of(root))
            self.edits[attribute] = lambda _: cst.Name(alias or name)

    def _imports_below(self, module: str) -> bool:
        """Return whether the file imports a module, or one below it, by a plain `import`."""
        names = (each.evaluated_name for statement in self.source.of(cst.Import) for each in statement.names)
        return any(f"{name}.".startswith(f"{module}.") for name in names)

    def _imports_of(self, local: str) -> Iterator[Import]:
        """Yield the imports that give a name to the file."""
        for statement in self.source.of(cst.ImportFrom):
            for alias in aliases_of(statement):
                if local == (alias.evaluated_alias or alias.evaluated_name) and not statement.relative:
                    module = get_full_name_for_node(statement.module) if statement.module else None
                    yield module or "", alias.evaluated_name, alias.evaluated_alias

    def unresolved(self) -> None:
        """Change the names that the file itself defined before it was merged."""
        for name in self.source.unresolved():
            for old in {f"{module}.{name.value}" for module in self.source.modules} & self.names.keys():
                home, _, new = self.names[old].rpartition(".")
                self.edits[name] = _value(new)
                if home not in self.source.modules:
                    self.needed.add((home, new, None))

    # Strings

    def strings(self) -> None:
        """Change strings that are a full name, as tests give them to `monkeypatch.setattr`."""
        for string in self.source.of(cst.SimpleString):
            name, colon, rest = (old := text_of(string)).partition(":")  # as uvicorn and entry points have it
            new = moved(name + "." * len(colon) + rest, self.names)
            if string not in self.edits and "." in name and new != name + "." * len(colon) + rest:
                parts = new.rsplit(".", rest.count(".") + 1) if colon else [new]
                self._string(string, old, ":".join([parts[0], ".".join(parts[1:])]) if colon else new)
        for part in self.source.of(cst.FormattedStringText):
            for old, new in self.names.items():
                if part.value.startswith(f"{old}.") or part.value == old:
                    what = f"the string is put together here, and {old} is {new} now: correct it"
                    self.places.append(self.source.place(part, what, now=new))

    def names_beside_objects(self) -> None:
        """Change the second argument of `setattr(module, "name", …)` and its like."""
        for call in self.source.of(cst.Call):
            owner, name = (each.value for each in call.args[:2]) if len(call.args) > 1 else (None, None)
            if owner and isinstance(name, cst.SimpleString):
                for old in {f"{each}.{text_of(name)}" for each in self.source.names_of(owner)} & self.names.keys():
                    home, _, new = self.names[old].rpartition(".")
                    if home == moved(old.rpartition(".")[0], self.names):
                        self._string(name, text_of(name), new)
                    else:
                        what = f"{old} is {self.names[old]} now: name that module here"
                        self.places.append(self.source.place(call, what, now=self.names[old]))

    def _string(self, string: cst.SimpleString, old: str, new: str) -> None:
        self.edits[string] = lambda node: with_text(node, old, new)

    # The result

    def code(self) -> bytes:
        """Return the file with all edits, and with the imports that they need."""
        code = self.source.edited(self.edits)
        return with_imports(self.source, code, self.needed, self.perhaps_unused) if self.needed else code


def _value(name: str) -> Edit:
    return lambda node: node.with_changes(value=name)
