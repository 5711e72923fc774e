"""Add or remove entries of a list of strings at the top level of a Python file, and change no other byte."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

INDENT = cst.SimpleWhitespace("    ")
NOTHING = cst.SimpleWhitespace("")
NEW_LINE = cst.ParenthesizedWhitespace(last_line=INDENT)


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

    def add(literal: cst.List, entry: str) -> cst.List:
        return literal if entry in map(_string, literal.elements) else _inserted(literal, entry)

    return _edited(source, name, add, sorted(set(entries)))


def remove_entries(source: bytes, *, name: str, entries: Iterable[str], only_plain: bool = False) -> bytes:
    """Return the source without the entries; a comment on the line of an entry goes with it.

    With `only_plain`, an entry stays if a comment is on its line or above it, or if it shares its line.

    Raises:
        ListError: The source does not parse, or has no such list, or more than one.
    """

    def remove(literal: cst.List, entry: str) -> cst.List:
        while entry in (strings := [_string(element) for element in literal.elements]):
            index = strings.index(entry)
            if only_plain and not _is_plain(literal, index):
                return literal
            literal = _removed(literal, index)
        return literal

    return _edited(source, name, remove, entries)


def _edited(source: bytes, name: str, edit: Callable[[cst.List, str], cst.List], entries: Iterable[str]) -> bytes:
    """Return the source with the edit applied to its list for each entry, or the source itself if nothing changes."""
    module = _parse(source)
    before = _find_list(module, name=name)
    after = reduce(edit, entries, before)
    return source if after is before else _bytes_of(module.deep_replace(before, after))


def _bytes_of(module: cst.CSTNode) -> bytes:
    assert isinstance(module, cst.Module)
    return module.bytes


def _parse(source: bytes) -> cst.Module:
    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError as broken:
        fix = "correct the syntax; conflict markers count as errors"
        raise ListError(Fault(_line_of(broken, source), "the file is not valid Python", fix)) from None
    except (UnicodeDecodeError, LookupError, SyntaxError):
        raise ListError(Fault(1, "the file's encoding cannot be read", "save it as UTF-8")) from None


def _line_of(broken: cst.ParserSyntaxError, source: bytes) -> int:
    """Return the line that Python names, because libcst may name the next one."""
    try:
        ast.parse(source)
    except SyntaxError as fault:
        return fault.lineno or broken.raw_line
    return broken.raw_line


def _find_list(module: cst.Module, *, name: str) -> cst.List:
    found = [statement for statement in _assignments(module) if _target(statement) == name]
    if not found:
        raise ListError(Fault(1, f"there is no list {name}", f"put back the line `{name}: list[str] = []`"))
    literal = found[0].value
    if len(found) == 1 and isinstance(literal, cst.List):
        return literal
    line_of = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    if len(found) > 1:
        reason, fix = f"there is more than one {name}", "keep one of them, with the entries of both"
    else:
        reason, fix = f"{name} is not a plain list", f"write it as `{name}: list[str] = [...]`"
    raise ListError(*(Fault(line_of[each].start.line, reason, fix) for each in found))


def _assignments(module: cst.Module) -> Iterable[cst.Assign | cst.AnnAssign]:
    lines = (line for line in module.body if isinstance(line, cst.SimpleStatementLine))
    statements = (statement for line in lines for statement in line.body)
    return (statement for statement in statements if isinstance(statement, (cst.Assign, cst.AnnAssign)))


def _target(statement: cst.Assign | cst.AnnAssign) -> str | None:
    target = statement.target if isinstance(statement, cst.AnnAssign) else statement.targets[0].target
    return target.value if isinstance(target, cst.Name) else None


def _string(element: cst.BaseElement) -> str | None:
    value = element.value.evaluated_value if isinstance(element.value, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def _inserted(literal: cst.List, entry: str) -> cst.List:
    elements = list(literal.elements)
    index = next((i for i, element in enumerate(elements) if (_string(element) or "") > entry), len(elements))
    is_last = index == len(elements)
    gap = literal.rbracket.whitespace_before if is_last and elements else _gap_before(literal, index)
    above, below = _split(gap, last_line=NOTHING if is_last else INDENT)
    literal = _with_gap_before(literal, index, above)
    if is_last:
        literal = literal.with_changes(rbracket=literal.rbracket.with_changes(whitespace_before=below))
        below = NOTHING
    fresh = cst.Element(cst.SimpleString(f'"{entry}"'), cst.Comma(whitespace_after=below))
    return literal.with_changes(elements=[*literal.elements[:index], fresh, *literal.elements[index:]])


def _gap_before(literal: cst.List, index: int) -> cst.BaseParenthesizableWhitespace:
    if index == 0:
        return literal.lbracket.whitespace_after
    comma = literal.elements[index - 1].comma
    assert isinstance(comma, cst.Comma), "only the last element can lack its comma"
    return comma.whitespace_after


def _with_gap_before(literal: cst.List, index: int, gap: cst.BaseParenthesizableWhitespace) -> cst.List:
    if index == 0:
        return literal.with_changes(lbracket=literal.lbracket.with_changes(whitespace_after=gap))
    previous = literal.elements[index - 1]
    comma = previous.comma if isinstance(previous.comma, cst.Comma) else cst.Comma()
    ended = previous.with_changes(comma=comma.with_changes(whitespace_after=gap))
    return literal.with_changes(elements=[*literal.elements[: index - 1], ended, *literal.elements[index:]])


def _split(
    gap: cst.BaseParenthesizableWhitespace, *, last_line: cst.SimpleWhitespace
) -> tuple[cst.BaseParenthesizableWhitespace, cst.BaseParenthesizableWhitespace]:
    """Return the whitespace above and below a new line; the one below ends with `last_line`.

    A comment at the end of the line above stays there; comments on lines of their own stay with the line below them.
    """
    if not isinstance(gap, cst.ParenthesizedWhitespace):
        return NEW_LINE, cst.ParenthesizedWhitespace(last_line=last_line)
    above = gap.with_changes(empty_lines=[], last_line=INDENT, indent=False)
    return above, gap.with_changes(first_line=cst.TrailingWhitespace())


def _is_plain(literal: cst.List, index: int) -> bool:
    """Return whether the element is alone on its line, with no comment on the line or above it."""
    above, below = _gap_before(literal, index), _gap_after(literal, index)
    if not isinstance(above, cst.ParenthesizedWhitespace) or not isinstance(below, cst.ParenthesizedWhitespace):
        return False
    return not above.empty_lines and not below.first_line.comment


def _gap_after(literal: cst.List, index: int) -> cst.BaseParenthesizableWhitespace:
    is_last = index == len(literal.elements) - 1
    return literal.rbracket.whitespace_before if is_last else _gap_before(literal, index + 1)


def _removed(literal: cst.List, index: int) -> cst.List:
    above, below = _gap_before(literal, index), _gap_after(literal, index)
    is_last, is_alone = index == len(literal.elements) - 1, len(literal.elements) == 1
    joined = _joined(above, below)
    has_comments = isinstance(joined, cst.ParenthesizedWhitespace) and (joined.empty_lines or joined.first_line.comment)
    if is_alone:
        literal = _with_gap_before(literal, 0, joined if has_comments else NOTHING)
    else:
        literal = _with_gap_before(literal, index, NOTHING if is_last else joined)
    if is_last:
        closed = literal.rbracket.with_changes(whitespace_before=NOTHING if is_alone else joined)
        literal = literal.with_changes(rbracket=closed)
    return literal.with_changes(elements=[*literal.elements[:index], *literal.elements[index + 1 :]])


def _joined(
    above: cst.BaseParenthesizableWhitespace, below: cst.BaseParenthesizableWhitespace
) -> cst.BaseParenthesizableWhitespace:
    """Return the whitespace between the neighbours of a removed entry; comments on lines of their own stay."""
    if not isinstance(above, cst.ParenthesizedWhitespace) or not isinstance(below, cst.ParenthesizedWhitespace):
        return below if isinstance(below, cst.ParenthesizedWhitespace) else above
    return below.with_changes(first_line=above.first_line, empty_lines=[*above.empty_lines, *below.empty_lines])
