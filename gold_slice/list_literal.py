"""Add or remove entries of a list of strings at the top level of a Python file, and change no other byte."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

INDENT = "    "


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason why the file cannot be edited; lines count from 1."""

    line: int
    reason: str
    fix: str

    def __str__(self) -> str:
        """Return the fault in the form that follows a file name."""
        return f":{self.line}: {self.reason}. Fix: {self.fix}."


class ListError(Exception):
    """The file cannot be edited safely; `faults` says why, all at once."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def entries_in(source: bytes, *, name: str) -> list[str]:
    """Return the strings in the list `name`; other elements, such as `*EXTRA`, are passed over.

    Raises:
        ListError: The source does not parse, or has no such list, or more than one.
    """
    return [entry for element in _find_list(_parse(source), name=name).elements if (entry := _string(element))]


def add_entries(source: bytes, *, name: str, entries: Iterable[str]) -> bytes:
    """Return the source with the entries in the list `name`, each before the first one that is greater.

    An entry that is in the list stays where it is. Line endings, byte order mark, encoding, comments and a missing
    last newline are kept. The order of the calls does not change the result.

    Raises:
        ListError: The source does not parse, or has no such list, or more than one.
    """
    module = _parse(source)
    text = ListText.of(module, literal := _find_list(module, name=name))
    missing = sorted(set(entries) - set(text.names))
    for entry in missing:
        text.add(entry, new_line=module.default_newline)
    return _replaced(module, literal, text) if missing else source


def remove_entries(source: bytes, *, name: str, entries: Iterable[str], only_plain: bool = False) -> bytes:
    """Return the source without the entries; a comment on the line of an entry goes with it.

    With `only_plain`, an entry stays if a comment is on its line or above it, or if it shares its line.

    Raises:
        ListError: The source does not parse, or has no such list, or more than one.
    """
    module = _parse(source)
    text = ListText.of(module, literal := _find_list(module, name=name))
    unwanted = set(entries)
    found = [i for i, entry in enumerate(text.names) if entry in unwanted and (text.is_plain(i) or not only_plain)]
    for index in reversed(found):
        text.remove(index)
    return _replaced(module, literal, text) if found else source


@dataclass(frozen=True, slots=True)
class ListText:
    """A list as text: its elements, each with its comma, and the gaps before, between and after them.

    A gap holds line ends, indentation and comments. `names` has None for an element that is not a string.
    """

    names: list[str | None]
    elements: list[str]
    gaps: list[str]

    @classmethod
    def of(cls, module: cst.Module, literal: cst.List) -> "ListText":
        """Return the text of a list in a module."""
        code = module.code_for_node
        text = cls([_string(element) for element in literal.elements], [], [code(literal.lbracket.whitespace_after)])
        for element in literal.elements:
            gap = code(element.comma.whitespace_after) if isinstance(element.comma, cst.Comma) else ""
            text.elements.append(code(element).removesuffix(gap))
            text.gaps.append(gap)
        text.gaps[-1] += code(literal.rbracket.whitespace_before)
        return text

    def __str__(self) -> str:
        """Return the source of the list."""
        return f"[{''.join(gap + element for gap, element in zip(self.gaps, [*self.elements, ''], strict=True))}]"

    def add(self, entry: str, *, new_line: str) -> None:
        """Put an entry on a line of its own; a comment on a line of its own stays above the element below it."""
        index = next((i for i, name in enumerate(self.names) if (name or "") > entry), len(self.names))
        if index and not self.elements[index - 1].endswith(","):
            self.elements[index - 1] += ","
        line, is_ended, rest = self.gaps[index].partition("\n")
        if not is_ended:
            line, rest = new_line.removesuffix("\n"), INDENT if index < len(self.names) else ""
        self.gaps[index : index + 1] = [f"{line}\n{INDENT}", f"{new_line}{rest}"]
        self.names.insert(index, entry)
        self.elements.insert(index, f'"{entry}",')

    def remove(self, index: int) -> None:
        """Remove an element with the rest of its line; comments on lines of their own stay."""
        above, below = self.gaps[index : index + 2]
        if "\n" in above and "\n" in below:
            joined = above[: above.rindex("\n") + 1] + below.partition("\n")[2]
        else:
            joined = below if "\n" in below else above
        is_alone = len(self.elements) == 1
        self.gaps[index : index + 2] = ["" if is_alone and "#" not in joined else joined]
        del self.names[index], self.elements[index]

    def is_plain(self, index: int) -> bool:
        """Return whether an element is alone on its line, with no comment on the line or above it."""
        above, below = self.gaps[index : index + 2]
        rest_of_line, is_ended, _next_lines = below.partition("\n")
        return above.count("\n") == 1 and bool(is_ended) and "#" not in rest_of_line


def _parse(source: bytes) -> cst.Module:
    try:
        ast.parse(source)  # libcst may name the line after the wrong one
        return cst.parse_module(source)
    except (SyntaxError, ValueError, cst.ParserSyntaxError) as broken:
        fix = "correct the syntax, or save it as UTF-8; conflict markers count as errors"
        raise ListError(Fault(getattr(broken, "lineno", None) or 1, "the file is not valid Python", fix)) from None


def _find_list(module: cst.Module, *, name: str) -> cst.List:
    lines = (line.body for line in module.body if isinstance(line, cst.SimpleStatementLine))
    found = [statement for line in lines for statement in line if _target(statement) == name]
    if not found:
        raise ListError(Fault(1, f"there is no list {name}", f"put back the line `{name}: list[str] = []`"))
    literal = getattr(found[0], "value", None)
    if len(found) == 1 and isinstance(literal, cst.List):
        return literal
    line_of = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    if len(found) > 1:
        reason, fix = f"there is more than one {name}", "keep one of them, with the entries of both"
    else:
        reason, fix = f"{name} is not a plain list", f"write it as `{name}: list[str] = [...]`"
    raise ListError(*(Fault(line_of[each].start.line, reason, fix) for each in found))


def _target(statement: cst.CSTNode) -> str | None:
    """Return the name to which a statement assigns, if it does."""
    if isinstance(statement, cst.Assign):
        return _target(statement.targets[0])
    target = statement.target if isinstance(statement, (cst.AnnAssign, cst.AssignTarget)) else None
    return target.value if isinstance(target, cst.Name) else None


def _string(element: cst.BaseElement) -> str | None:
    value = element.value.evaluated_value if isinstance(element.value, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def _replaced(module: cst.Module, literal: cst.List, text: ListText) -> bytes:
    edited = module.deep_replace(literal, cst.parse_expression(str(text), config=module.config_for_parsing))
    assert isinstance(edited, cst.Module)
    return edited.bytes
