"""Rename attributes of classes: fields, settings, columns."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import libcst as cst
from libcst import matchers as m

from .calls import calls_of
from .codemod import Codemod
from .source import Change, Draft, Edit, Place, Source, text_of, with_text

TRANSPARENT = {"Annotated", "Optional", "Final", "ClassVar"}  # the type is their first argument
OF_COLUMNS = {"values", "filter_by"}  # methods of statements that take columns as keywords


@dataclass(frozen=True, slots=True)
class RenamedAttribute:
    """An attribute of a class has another name.

    `owner` is the full name of the class, `returned_by` are functions that return an object of it, `known_as` aliases
    of it in annotations. Where the object's class is not known, the line is named; with `is_common`, only in files that
    name the class.
    """

    owner: str
    old: str
    new: str
    returned_by: tuple[str, ...] = ()
    known_as: tuple[str, ...] = ()
    is_common: bool = False
    heirs: tuple[str, ...] = field(default=(), repr=False)  # an update finds them

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""
        return f"{self.old} of {self.owner} is {self.new}"

    def concerns(self, source: Source) -> bool:
        """Return whether the file may use the attribute."""
        return source.has_word(self.old) and (not self.is_common or self._is_known_in(source))

    def change(self, source: Source) -> Change:
        """Return the file with the attribute renamed where the class of the object is known."""
        source = source.about(self.old)
        edits: dict[cst.CSTNode, Edit] = {}
        places: list[Place] = []
        types = _Types(source, {*self._owners, *self.known_as}, {*self._owners, *self.returned_by})
        full = {f"{owner}.{self.old}" for owner in self._owners}
        for attribute in source.of(cst.Attribute):
            if attribute.attr.value != self.old:
                continue
            answer = bool(full & source.names_of(attribute)) or types.has(attribute.value)
            if answer:
                edits[attribute] = lambda node: node.with_changes(attr=cst.Name(self.new))
            elif answer is None:
                places.append(source.place(attribute, f"if this is a {self.owner}, {self.old} is {self.new} now"))
        what = f"{self.old} of {self.owner} is {self.new} now: name it so here, too"
        places += [source.place(node, what) for node in self._redefined(source)]
        for argument in self._keywords(source, types):
            edits[argument] = lambda node: node.with_changes(keyword=cst.Name(self.new))
        for string in self._strings(source, types):
            edits[string] = lambda node: with_text(node, self.old, self.new)
        return Change(source.edited(edits), places)

    @property
    def _owners(self) -> set[str]:
        return {self.owner, *self.heirs}

    def _redefined(self, source: Source) -> Iterator[cst.CSTNode]:
        """Yield the fields and methods of the old name in classes that inherit from the owner."""
        for heir in source.of(cst.ClassDef):
            if f"{source.module}.{heir.name.value}" in self.heirs:
                names = m.OneOf(m.AnnAssign(target=m.Name(self.old)), m.AssignTarget(m.Name(self.old)))
                lines = [each for each in heir.body.body if isinstance(each, cst.SimpleStatementLine)]
                yield from (node for line in lines for node in m.findall(line, names))
                yield from (each for each in heir.body.body if m.matches(each, m.FunctionDef(m.Name(self.old))))

    def _keywords(self, source: Source, types: "_Types") -> Iterator[cst.Arg]:
        """Yield the keywords that name it: of the class, of `replace`, and of statements with the class in them."""
        calls = [call for owner in sorted(self._owners) for call in calls_of(source, owner)]
        for call in source.of(cst.Call):
            name = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
            is_statement = name in OF_COLUMNS and self._names_class(source, call.func)
            is_replace = "dataclasses.replace" in source.names_of(call.func) and bool(call.args)
            if is_statement or (is_replace and types.has(call.args[0].value)):
                calls.append(call)
        for call in calls:
            yield from (each for each in call.args if each.keyword and each.keyword.value == self.old)

    def _strings(self, source: Source, types: "_Types") -> Iterator[cst.SimpleString]:
        """Yield the strings of `getattr(object, "name")` and its like, and those in `model_copy(update=…)`."""
        for call in source.of(cst.Call):
            if len(call.args) > 1 and isinstance(name := call.args[1].value, cst.SimpleString):
                owner = call.args[0].value
                if text_of(name) == self.old and (self._owners & source.names_of(owner) or types.has(owner)):
                    yield name
            if m.matches(call.func, m.Attribute(attr=m.Name("model_copy"))) and types.has(call.func.value):  # type: ignore[attr-defined]
                yield from (each for each in _strings_in(call) if text_of(each) == self.old)

    def _names_class(self, source: Source, node: cst.CSTNode) -> bool:
        return any(self._owners & source.names_of(each) for each in _nodes_in(node))

    def _is_known_in(self, source: Source) -> bool:
        names = (*self._owners, *self.returned_by, *self.known_as)
        return any(source.has_word(name) for name in names) or self.owner.rpartition(".")[0] in source.mentions


@dataclass(frozen=True, slots=True)
class RenamedSetting:
    """A setting has another name, as an environment variable and as a field of `owner`."""

    old: str
    new: str
    owner: str = "src.common.config.Settings"
    returned_by: tuple[str, ...] = ("src.common.config.get_settings", "src.common.config.settings_or_exit")
    heirs: tuple[str, ...] = field(default=(), repr=False)  # an update finds them

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""
        return f"the setting {self.old} is {self.new}"

    @property
    def _field(self) -> RenamedAttribute:
        return RenamedAttribute(self.owner, self.old.lower(), self.new.lower(), self.returned_by, heirs=self.heirs)

    def concerns(self, source: Source) -> bool:
        """Return whether the file may use the setting."""
        return source.has_word(self.old) or self._field.concerns(source)

    def change(self, source: Source) -> Change:
        """Return the file with field and variable renamed."""
        change = self._field.change(source)
        renamed = Source(source.path, change.code).about(self.old)
        edits: dict[cst.CSTNode, Edit] = {
            string: lambda node: with_text(node, self.old, self.new)
            for string in renamed.of(cst.SimpleString)
            if text_of(string) == self.old
        }
        return Change(renamed.edited(edits), change.places)


@dataclass(frozen=True, slots=True)
class RenamedColumn:
    """A column of a model has another name. If the model is a mixin, its tables in users' own code need a migration.

    A migration is drafted for each of these tables; those of the release's own models are in the release.
    """

    model: str
    old: str
    new: str
    is_common: bool = False
    heirs: tuple[str, ...] = field(default=(), repr=False)  # an update finds them

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""
        return f"the column {self.old} of {self.model} is {self.new}"

    @property
    def _attribute(self) -> RenamedAttribute:
        return RenamedAttribute(self.model, self.old, self.new, is_common=self.is_common, heirs=self.heirs)

    def concerns(self, source: Source) -> bool:
        """Return whether the file may use the column, or have a table with it."""
        return self._attribute.concerns(source) or any(source.has_word(each) for each in (self.model, *self.heirs))

    def change(self, source: Source) -> Change:
        """Return the file with the column renamed, and its tables that inherit the column."""
        change = self._attribute.change(source)
        change.drafts = [
            Draft(source.path.split("/")[2], table, self.old, self.new)
            for table in self._tables(source.about(self.model, *self.heirs))
            if source.path.startswith("src/backend/")
        ]
        return change

    def _tables(self, source: Source) -> Iterator[str]:
        for model in source.of(cst.ClassDef):
            if any({self.model, *self.heirs} & source.names_of(base.value) for base in model.bases):
                for line in m.findall(model, m.Assign(targets=[m.AssignTarget(m.Name("__tablename__"))])):
                    if isinstance(line, cst.Assign) and isinstance(line.value, cst.SimpleString):
                        yield text_of(line.value)


def with_heirs(codemod: Codemod, sources: Iterable[Source]) -> Codemod:
    """Return a codemod of attributes for all classes of the files that inherit from its class, too; others as it is."""
    if isinstance(codemod, (RenamedAttribute, RenamedSetting)):
        return replace(codemod, heirs=heirs_of(codemod.owner, sources))
    if isinstance(codemod, RenamedColumn):
        return replace(codemod, heirs=heirs_of(codemod.model, sources))
    return codemod


def heirs_of(owner: str, sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the full names of the classes that inherit from a class, at any distance."""
    found, known = [owner], [*sources]
    for name in found:
        for source in known:
            with suppress(SyntaxError, ValueError, cst.ParserSyntaxError):
                if source.has_word(name) and _has_base(source, name):
                    short = source.about(name)
                    heirs = [
                        each
                        for each in short.of(cst.ClassDef)
                        if any(name in short.names_of(base.value) for base in each.bases)
                    ]
                    found += [full for each in heirs if (full := f"{source.module}.{each.name.value}") not in found]
    return tuple(found[1:])


def _has_base(source: Source, name: str) -> bool:
    """Return whether a class of the file has a base of the last part of a name; libcst need not read other files."""
    nodes, last = list(ast.walk(source.syntax)), name.rpartition(".")[2]
    aliases = [alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    words = {last} | {alias.asname for alias in aliases if alias.name == last}
    bases = [base for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases]
    return any(getattr(base, "id", getattr(base, "attr", None)) in words for base in bases)


class _Types:
    """Which expressions of a file are objects of a class, as far as its annotations and assignments tell."""

    def __init__(self, source: Source, names: set[str], makers: set[str]) -> None:
        self.source, self.names, self.makers = source, names, makers
        self.values: dict[cst.CSTNode, cst.BaseExpression] = {}  # what is assigned to a name or to an attribute of self
        self.annotations: dict[cst.CSTNode, cst.BaseExpression] = {}
        for assigned in source.of(cst.Assign):
            self.values |= {each.target: assigned.value for each in assigned.targets}
        for annotated in source.of(cst.AnnAssign):
            self.annotations[annotated.target] = annotated.annotation.annotation
        for parameter in source.of(cst.Param):
            if parameter.annotation:
                self.annotations[parameter] = parameter.annotation.annotation
        for item in source.of(cst.WithItem):
            if item.asname:
                self.values[item.asname.name] = item.item
        for named in source.of(cst.NamedExpr):
            self.values[named.target] = named.value

    def has(self, expression: cst.BaseExpression, depth: int = 3) -> bool | None:
        """Return whether an expression is an object of the class; None if that is unknown."""
        if depth == 0:
            return None
        if isinstance(expression, cst.Await):
            return self.has(expression.expression, depth)
        if isinstance(expression, cst.Call):
            made = self.source.names_of(expression.func)
            return True if made & self.makers else None
        if isinstance(expression, cst.Name) and (scope := self.source.scopes.get(expression)):
            answers = {self._assigned(getattr(each, "node", None), depth) for each in scope[expression.value]}
            return answers.pop() if len(answers) == 1 else None
        if m.matches(expression, m.Attribute(value=m.Name("self"))):
            return self._attribute_of_self(expression, depth)  # type: ignore[arg-type]  # the matcher says so
        return None

    def _assigned(self, node: cst.CSTNode | None, depth: int) -> bool | None:
        if node in self.annotations:
            return self._says(self.annotations[node])
        return self.has(self.values[node], depth - 1) if node in self.values else None

    def _attribute_of_self(self, attribute: cst.Attribute, depth: int) -> bool | None:
        same = m.Attribute(value=m.Name("self"), attr=m.Name(attribute.attr.value))
        field = m.Name(attribute.attr.value)
        targets = [*self.values, *self.annotations]
        answers = {self._assigned(each, depth) for each in targets if m.matches(each, same)}
        if not answers:
            answers = {self._says(self.annotations[each]) for each in self.annotations if m.matches(each, field)}
        return answers.pop() if len(answers) == 1 else None

    def _says(self, annotation: cst.BaseExpression) -> bool | None:
        """Return whether an annotation names the class, perhaps with None beside it."""
        if isinstance(annotation, cst.SimpleString):
            return self._says(cst.parse_expression(text_of(annotation)))
        if isinstance(annotation, cst.BinaryOperation):
            return bool(self._says(annotation.left) or self._says(annotation.right)) or None
        if isinstance(annotation, cst.Subscript):
            first = annotation.slice[0].slice
            if m.matches(annotation.value, m.Name()) and annotation.value.value in TRANSPARENT:  # type: ignore[attr-defined]
                return self._says(first.value) if isinstance(first, cst.Index) else None
            return False
        found = self.source.names_written(annotation)
        return bool(found & self.names) if found and "typing.Any" not in found else None


def _nodes_in(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    return m.findall(node, m.OneOf(m.Name(), m.Attribute()))


def _strings_in(node: cst.CSTNode) -> Iterator[cst.SimpleString]:
    yield from (each for each in m.findall(node, m.SimpleString()) if isinstance(each, cst.SimpleString))
