"""Change how functions are called, and what decorates them."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst import matchers as m

from .imports import with_imports
from .source import Change, Edit, Place, Source


@dataclass(frozen=True, slots=True)
class RenamedParameter:
    """A parameter of a function or class has another name; `function` is its full name."""

    function: str
    old: str
    new: str

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""
        return f"the parameter {self.old} of {self.function} is {self.new}"

    def concerns(self, source: Source) -> bool:
        """Return whether the file may call the function with it."""
        return source.has_word(self.old) or (b"**" in source.code and source.has_word(self.function))

    def change(self, source: Source) -> Change:
        """Return the file with the calls changed."""
        source = source.about(self.function, self.old)
        edits: dict[cst.CSTNode, Edit] = {}
        places: list[Place] = []
        for call in (*calls_of(source, self.function), *calls_of_heirs(source, self.function)):
            named = [each for each in call.args if each.keyword and each.keyword.value == self.old]
            for argument in named:
                edits[argument] = lambda node: node.with_changes(keyword=cst.Name(self.new))
            if not named and (packed := next((each for each in call.args if each.star == "**"), None)):
                what = f"if these arguments of {self.function} name {self.old}: it is {self.new} now"
                places.append(source.place(packed, what))
        return Change(source.edited(edits), places)


@dataclass(frozen=True, slots=True)
class AddedArgument:
    """A function takes one argument more, by name; `value` is what the calls so far mean, as code."""

    function: str
    name: str
    value: str

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""
        return f"{self.function} takes {self.name}, which was {self.value}"

    def concerns(self, source: Source) -> bool:
        """Return whether the file may call the function."""
        return source.has_word(self.function)

    def change(self, source: Source) -> Change:
        """Return the file with the argument added to the calls that lack it."""
        source = source.about(self.function)
        edits: dict[cst.CSTNode, Edit] = {}
        places: list[Place] = []
        for call in calls_of(source, self.function):
            if any(each.keyword and each.keyword.value == self.name for each in call.args):
                continue
            if any(each.star for each in call.args):
                what = f"give {self.function} {self.name}={self.value} here, unless it is among the arguments"
                places.append(source.place(call, what))
            else:
                edits[call] = self._with_argument
        return Change(source.edited(edits), places)

    def _with_argument(self, call: cst.CSTNode) -> cst.Call:
        assert isinstance(call, cst.Call)
        added = cst.parse_expression(f"f({self.name}={self.value})")
        assert isinstance(added, cst.Call)
        if not call.args:
            return call.with_changes(args=added.args)
        last = call.args[-1]
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        if isinstance(last.comma, cst.Comma):  # each argument is on its own line
            before = call.args[-2].comma if len(call.args) > 1 else call.whitespace_before_args
            space = before.whitespace_after if isinstance(before, cst.Comma) else before
            own = last.comma.whitespace_after
            if isinstance(own, cst.ParenthesizedWhitespace) and isinstance(space, cst.ParenthesizedWhitespace):
                space = space.with_changes(first_line=own.first_line, empty_lines=own.empty_lines)
            comma = last.comma.with_changes(whitespace_after=space)
            end = (
                own.with_changes(first_line=cst.TrailingWhitespace())
                if isinstance(own, cst.ParenthesizedWhitespace)
                else own
            )
            new = added.args[0].with_changes(comma=last.comma.with_changes(whitespace_after=end))
            return call.with_changes(args=[*call.args[:-1], last.with_changes(comma=comma), new])
        space_at_end = last.whitespace_after_arg
        return call.with_changes(
            args=[
                *call.args[:-1],
                last.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace("")),
                added.args[0].with_changes(whitespace_after_arg=space_at_end),
            ]
        )


@dataclass(frozen=True, slots=True)
class ChangedDecorator:
    """A decorator is written otherwise: `new` is code that begins with a full name, such as `src.x.allow("read")`."""

    old: str
    new: str

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""
        return f"the decorator {self.old} is {self.new}"

    def concerns(self, source: Source) -> bool:
        """Return whether the file may use the decorator."""
        return source.has_word(self.old)

    def change(self, source: Source) -> Change:
        """Return the file with the decorator replaced where it has no arguments."""
        source = source.about(self.old)
        full, _, arguments = self.new.partition("(")
        home, _, name = full.rpartition(".")
        code = f"{name}({arguments}" if arguments else name
        edits: dict[cst.CSTNode, Edit] = {}
        places: list[Place] = []
        for decorator in source.of(cst.Decorator):
            used = decorator.decorator
            call = used if isinstance(used, cst.Call) else None
            if self.old not in source.names_of(call.func if call else used):
                continue
            if call and call.args:
                what = f"{self.old} is {self.new} now: carry its arguments over"
                places.append(source.place(decorator, what, now=full))
            else:
                edits[decorator] = lambda node: node.with_changes(decorator=cst.parse_expression(code))
        what = f"{self.old} is {self.new} now: change this use"
        places += [source.place(node, what, now=full) for node in self._other_uses(source)]
        if not edits:
            return Change(source.edited({}), places)
        old_home, _, old_name = self.old.rpartition(".")
        edited = source.edited(edits)
        return Change(with_imports(source, edited, {(home, name, None)}, {(old_home, old_name, None)}), places)

    def _other_uses(self, source: Source) -> Iterator[cst.CSTNode]:
        """Yield where the decorator is used as any other function."""
        statements = (*source.of(cst.Decorator), *source.of(cst.ImportFrom), *source.of(cst.Import))
        told = {name for each in statements for name in names_in(each)}
        for node in (*source.of(cst.Name), *source.of(cst.Attribute)):
            if node not in told and self.old in source.names_of(node):
                yield node


def names_in(node: cst.CSTNode) -> set[cst.CSTNode]:
    """Return the names and attributes in a node."""
    return {*m.findall(node, m.OneOf(m.Name(), m.Attribute()))}


def calls_of_heirs(source: Source, owner: str) -> Iterator[cst.Call]:
    """Yield the calls by which classes of the file that inherit from a class, and their users, call its `__init__`."""
    for heir in source.of(cst.ClassDef):
        if not any(owner in source.names_of(base.value) for base in heir.bases):
            continue
        init = m.Call(m.Attribute(m.Call(m.Name("super")), m.Name("__init__")))
        yield from (call for call in m.findall(heir, init) if isinstance(call, cst.Call))
        if not any(m.matches(each, m.FunctionDef(m.Name("__init__"))) for each in heir.body.body):
            yield from calls_of(source, f"{source.module}.{heir.name.value}")


def calls_of(source: Source, function: str) -> Iterator[cst.Call]:
    """Yield the calls of a function or class, also those that `functools.partial` prepares."""
    for call in source.of(cst.Call):
        callee = call.func
        if "functools.partial" in source.names_of(callee) and call.args:
            callee = call.args[0].value
        if function in source.names_of(callee):
            yield call
