"""A Python file of a project as a codemod sees it: its nodes, what their names stand for, and edits of them."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import (
    MetadataWrapper,
    PositionProvider,
    QualifiedName,
    QualifiedNameSource,
    Scope,
    ScopeProvider,
)

SEARCH_PATHS = ("scripts/", "tests/", "alembic/")  # a project imports what is below these by its name alone

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
STUB = b"  # left out: "

type Edited = cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[Any]
type Edit = Callable[[cst.CSTNode], Edited]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line that a codemod cannot change safely, and what to do there; `now` is the new name that `what` says."""

    path: str
    line: int
    what: str
    now: str = ""

    def __str__(self) -> str:
        """Return the place as a sentence."""
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True, slots=True, order=True)
class Draft:
    """A table of a module, in which a column has another name since."""

    module: str
    table: str
    old: str
    new: str


@dataclass(slots=True)
class Change:
    """What a codemod makes of one file; `carried` are names of the file's own that changed with it, old to new.

    `drafts` are tables that need a migration.
    """

    code: bytes
    places: list[Place] = field(default_factory=list)
    carried: dict[str, str] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)


class Source:
    """One file. Nodes and names are worked out when they are first asked for."""

    def __init__(self, path: str, code: bytes) -> None:
        """Keep the file's path in the project and its contents."""
        self.path, self.code = path, code
        self.left_out: list[bytes] = []  # definitions that `about` left out
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
        """Return the file without those functions and classes that have no part of the names.

        What each name of 1,000 lines stands for takes a second to find, and most functions do not matter.
        `edited` puts them back.
        """
        words = {name.rpartition(".")[2] for name in names}
        nodes = [node for node in ast.walk(self.syntax) if isinstance(node, (ast.Import, ast.ImportFrom))]
        aliases = [alias for node in nodes for alias in node.names if alias.name.rpartition(".")[2] in words]
        words |= {alias.asname for alias in aliases if alias.asname}
        pattern = re.compile(rb"\b(%b)\b" % b"|".join(re.escape(word.encode()) for word in words))
        source = Source(self.path, self.code)
        if b"\f" in self.code or b"\v" in self.code:  # Python counts lines without them, and we do not
            return source
        lines = self.code.splitlines(keepends=True)
        for names_of_run, first, end in reversed(list(self._runs(lines, pattern))):
            text = b"".join(lines[first:end])
            ending = lines[end - 1][len(lines[end - 1].rstrip(b"\r\n")) :]
            indent = lines[first][: len(lines[first]) - len(lines[first].lstrip(b" \t"))]
            stub = indent + b"".join(b"%b = " % name.encode() for name in names_of_run)
            lines[first:end] = [b"%b...%b%d." % (stub, STUB, len(source.left_out)) + ending]
            source.left_out.append(text)
        source.code = b"".join(lines)
        return source

    def _runs(
        self, lines: Sequence[bytes], words: re.Pattern[bytes], body: Sequence[ast.stmt] | None = None
    ) -> Iterator[tuple[list[str], int, int]]:
        """Yield names and lines of neighbouring definitions without any of the words, in the file's order."""
        run: tuple[list[str], int, int] | None = None
        for node in self.syntax.body if body is None else body:
            if isinstance(node, DEFINITIONS):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
                end = node.end_lineno or node.lineno
                is_left_out = node.name != "__init__" and not words.search(b"".join(lines[first:end]))
                if is_left_out and run and not b"".join(lines[run[2] : first]).strip():
                    run = ([*run[0], node.name], run[1], end)
                    continue
                if run:
                    yield run
                run = ([node.name], first, end) if is_left_out else None
                if isinstance(node, ast.ClassDef) and not is_left_out:
                    yield from self._runs(lines, words, node.body)
        if run:
            yield run

    @cached_property
    def syntax(self) -> ast.Module:
        """The syntax tree as Python has it: without comments, and quickly.

        Raises:
            SyntaxError: The file is not valid Python.
        """
        return ast.parse(self.code)

    @cached_property
    def wrapper(self) -> MetadataWrapper:
        """The syntax tree of libcst.

        Raises:
            ParserSyntaxError: The file is not valid Python.
        """
        return MetadataWrapper(cst.parse_module(self.code), unsafe_skip_copy=True)

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

    def names_in(self, scope: Scope, name: str) -> set[str]:
        """Return the full dotted names that a name may stand for in a scope."""
        return self._full(scope.get_qualified_names_for(name))

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

    def place(self, node: cst.CSTNode, what: str, *, now: str = "") -> Place:
        """Return a place for a node."""
        line = self.wrapper.resolve(PositionProvider)[node].start.line
        for above in self.code.splitlines()[: line - 1]:
            if self.left_out and STUB in above:
                line += len(self.left_out[int(above.rpartition(STUB)[2].rstrip(b"."))].splitlines()) - 1
        return Place(self.path, line, what, now)

    def edited(self, edits: dict[cst.CSTNode, Edit]) -> bytes:
        """Return the file with nodes replaced; all else stays as it is, byte for byte."""
        code = edited(self.wrapper.module, edits).bytes if edits else self.code
        for number, text in enumerate(self.left_out):
            start = code.index(b"...%b%d." % (STUB, number))
            first = max(code.rfind(b"\n", 0, start), code.rfind(b"\r", 0, start)) + 1
            end = start + len(b"...%b%d." % (STUB, number))
            code = code[:first] + text.rstrip(b"\r\n") + code[end:]
        return code

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


def edited[T: cst.CSTNode](tree: T, edits: dict[cst.CSTNode, Edit]) -> T:
    """Return a tree with nodes replaced."""
    result = tree.visit(_Editor(edits))
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
    def __init__(self, edits: dict[cst.CSTNode, Edit]) -> None:
        super().__init__()
        self.edits = edits

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> cst.CSTNodeT:
        edit = self.edits.get(original_node)
        return edit(updated_node) if edit else updated_node  # type: ignore[return-value]  # the edit knows its node
