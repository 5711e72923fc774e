"""A Python file of a project as a codemod sees it: its nodes, what their names stand for, and edits of them."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import (
    CodeRange,
    MetadataWrapper,
    PositionProvider,
    QualifiedName,
    QualifiedNameSource,
    Scope,
    ScopeProvider,
)

SEARCH_PATHS = ("scripts/", "tests/", "alembic/")  # a project imports what is below these by its name alone

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

type Edited = cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[Any]
type Edit = Callable[[cst.CSTNode], Edited]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line that a codemod cannot change safely, and what to do there."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        """Return the place as a sentence."""
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(slots=True)
class Change:
    """What a codemod makes of one file; `carried` are names of the file's own that changed with it, old to new."""

    code: bytes
    places: list[Place] = field(default_factory=list)
    carried: dict[str, str] = field(default_factory=dict)


class Source:
    """One file. Nodes and names are worked out when they are first asked for."""

    def __init__(self, path: str, code: bytes, words: Iterable[str] = ()) -> None:
        """Keep the file's path in the project and its contents; without `words`, all of it is looked at."""
        self.path, self.code, self.words = path, code, {*words}
        self.passed_over: set[cst.CSTNode] = set()  # definitions in which none of the words is
        parts = path.removesuffix(".pyi").removesuffix(".py").split("/")
        is_package = parts[-1] == "__init__"
        self.module = ".".join(parts[:-1] if is_package else parts)
        self.package = self.module if is_package else ".".join(parts[:-1])

    @property
    def modules(self) -> list[str]:
        """The names under which the file can be imported."""
        short = [self.module.removeprefix(f"{each[:-1]}.") for each in SEARCH_PATHS if self.path.startswith(each)]
        return [self.module, *short]

    def about(self, *names: str) -> "Source":
        """Return the file with the functions and classes passed over that have no part of the names.

        To find what each name stands for takes a second for 1,000 lines, and most functions do not matter.
        """
        return Source(self.path, self.code, {name.rpartition(".")[2] for name in names})

    @cached_property
    def tree(self) -> cst.Module:
        """The syntax tree.

        Raises:
            ParserSyntaxError: The file is not valid Python.
        """
        return cst.parse_module(self.code)

    @cached_property
    def syntax(self) -> ast.Module:
        """The syntax tree as Python has it: without comments, and quickly.

        Raises:
            SyntaxError: The file is not valid Python.
        """
        return ast.parse(self.code)

    @cached_property
    def wrapper(self) -> MetadataWrapper:
        """What is looked at of the syntax tree."""
        tree = self.tree
        if self.words:
            aliases = (alias for node in ast.walk(self.syntax) for alias in getattr(node, "names", ()))
            other = {each.asname for each in aliases if isinstance(each, ast.alias) and self._is_named(each.name)}
            words = b"|".join(re.escape(word.encode()) for word in {*self.words, *other} - {None})
            tree = tree.with_changes(
                body=self._looked_at(tree.body, self.syntax.body, re.compile(rb"\b(%b)\b" % words))
            )
        return MetadataWrapper(tree, unsafe_skip_copy=True)

    def _is_named(self, name: str) -> bool:
        return name.rpartition(".")[2] in self.words

    def _looked_at(
        self, statements: Sequence[cst.CSTNode], nodes: Sequence[ast.stmt], words: re.Pattern[bytes]
    ) -> list[cst.CSTNode]:
        """Return the statements; of a definition without any of the words only its name is left."""
        definitions = iter([node for node in nodes if isinstance(node, DEFINITIONS)])
        kept: list[cst.CSTNode] = []
        for statement in statements:
            if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
                node = next(definitions)
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                if node.name != "__init__" and not words.search(b"\n".join(self._lines[first - 1 : node.end_lineno])):
                    self.passed_over.add(statement)
                    suite = cst.SimpleStatementSuite([cst.Expr(cst.Ellipsis())])
                    kept.append(cst.FunctionDef(statement.name, cst.Parameters(), suite))
                    continue
                if isinstance(statement, cst.ClassDef):
                    body = statement.body.with_changes(body=self._looked_at(statement.body.body, node.body, words))
                    kept.append(statement.with_changes(body=body))
                    continue
            kept.append(statement)
        return kept

    @cached_property
    def _lines(self) -> list[bytes]:
        return re.split(rb"\r\n|\r|\n", self.code)

    @cached_property
    def nodes(self) -> dict[type[cst.CSTNode], list[cst.CSTNode]]:
        """All nodes, by their type, in the order of the file."""
        collector = _Collector()
        self.wrapper.module.visit(collector)
        return collector.nodes

    def of[T: cst.CSTNode](self, kind: type[T]) -> Sequence[T]:
        """Return the nodes of a type."""
        return [node for node in self.nodes.get(kind, []) if isinstance(node, kind)]

    @cached_property
    def scopes(self) -> dict[cst.CSTNode, Scope]:
        """The scope of each node that has one."""
        return {node: scope for node, scope in self.wrapper.resolve(ScopeProvider).items() if scope}

    def names_of(self, node: cst.CSTNode) -> set[str]:
        """Return the full dotted names that an expression may stand for; names of the file begin with its module."""
        if not isinstance(node, (cst.Name, cst.Attribute)) or (scope := self.scopes.get(node)) is None:
            return set()
        return self._full(scope.get_qualified_names_for(node))

    def names_written(self, annotation: cst.CSTNode) -> set[str]:
        """Return what a name in an annotation may stand for, in quotes too, which have no scope of their own."""
        if annotation in self.scopes or (text := get_full_name_for_node(annotation)) is None:
            return self.names_of(annotation)
        scope = self.scopes.get(self.wrapper.module.body[0]) if self.wrapper.module.body else None
        return self._full(scope.get_qualified_names_for(text)) if scope else set()

    def _full(self, names: Iterable[QualifiedName]) -> set[str]:
        modules = self.modules
        return {
            full
            for name in names
            for full in ([f"{each}.{name.name}" for each in modules] if name.source == QualifiedNameSource.LOCAL
                         else [self.absolute(name.name)])
        }  # fmt: skip

    def absolute(self, name: str) -> str:
        """Return a dotted name without the dots of a relative import at its beginning."""
        bare = name.lstrip(".")
        if (level := len(name) - len(bare)) == 0:
            return name
        parts = self.package.split(".")
        return ".".join([*parts[: len(parts) - level + 1], *([bare] if bare else [])])

    def imported_module(self, statement: cst.ImportFrom) -> str:
        """Return the full name of the module that a statement imports from."""
        name = get_full_name_for_node(statement.module) if statement.module else ""
        return self.absolute("." * len(statement.relative) + (name or ""))

    def unresolved(self) -> Iterator[cst.Name]:
        """Yield the names in the file that nothing in it defines or imports."""
        for scope in set(self.scopes.values()):
            for access in scope.accesses:
                if isinstance(access.node, cst.Name) and not access.referents:
                    yield access.node

    def place(self, node: cst.CSTNode, what: str) -> Place:
        """Return a place for a node."""
        return Place(self.path, self._positions[node].start.line, what)

    @cached_property
    def _positions(self) -> Mapping[cst.CSTNode, CodeRange]:
        return MetadataWrapper(self.tree, unsafe_skip_copy=True).resolve(PositionProvider)

    def edited(self, edits: dict[cst.CSTNode, Edit]) -> bytes:
        """Return the file with nodes replaced; all else stays as it is, byte for byte."""
        return edited(self.tree, edits, passed_over=self.passed_over).bytes if edits else self.code

    def has_word(self, name: str) -> bool:
        """Return whether the last part of a dotted name is anywhere in the file, before anything is parsed."""
        word = name.rpartition(".")[2].encode()
        return word in self.code and re.search(rb"\b%b\b" % re.escape(word), self.code) is not None

    @cached_property
    def mentions(self) -> set[str]:
        """The full names that the file imports, and its strings that look like such names, without names and scopes.

        Raises:
            SyntaxError: The file is not valid Python.
        """
        found = set(self.modules)
        for node in ast.walk(self.syntax):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self.absolute("." * node.level + (node.module or ""))
                found |= {f"{base}.{alias.name}".removesuffix(".*") for alias in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
                found.add(node.value.replace(":", "."))
        return found


def edited[T: cst.CSTNode](tree: T, edits: dict[cst.CSTNode, Edit], *, passed_over: Container[cst.CSTNode] = ()) -> T:
    """Return a tree with nodes replaced."""
    result = tree.visit(_Editor(edits, passed_over))
    assert isinstance(result, type(tree)) or not isinstance(tree, cst.Module)
    return result  # type: ignore[return-value]  # an expression becomes another one


def dotted(name: str) -> cst.Name | cst.Attribute:
    """Return an expression of a dotted name."""
    expression = cst.parse_expression(name)
    assert isinstance(expression, (cst.Name, cst.Attribute))
    return expression


def text_of(string: cst.SimpleString) -> str:
    """Return the value of a string, or nothing for bytes."""
    value = string.evaluated_value
    return value if isinstance(value, str) else ""


def with_text(string: cst.CSTNode, old: str, new: str) -> cst.SimpleString:
    """Return a string with the same quotes and another value."""
    assert isinstance(string, cst.SimpleString)
    return string.with_changes(value=string.value.replace(old, new))


class _Collector(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.nodes: dict[type[cst.CSTNode], list[cst.CSTNode]] = defaultdict(list)

    def on_visit(self, node: cst.CSTNode) -> bool:
        self.nodes[type(node)].append(node)
        return True


class _Editor(cst.CSTTransformer):
    def __init__(self, edits: dict[cst.CSTNode, Edit], passed_over: Container[cst.CSTNode]) -> None:
        super().__init__()
        self.edits, self.passed_over = edits, passed_over

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node not in self.passed_over

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> cst.CSTNodeT:
        edit = self.edits.get(original_node)
        return edit(updated_node) if edit else updated_node  # type: ignore[return-value]  # the edit knows its node
