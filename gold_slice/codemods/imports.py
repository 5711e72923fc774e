"""Write import statements: other modules and names in them, more of them, and fewer."""

from collections.abc import Iterable, Mapping

import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor

from .source import Edited, Source, dotted

type Import = tuple[str, str | None, str | None]  # module, name, and what the file calls it


def with_imports(source: Source, code: bytes, needed: Iterable[Import], perhaps_unused: Iterable[Import]) -> bytes:
    """Return the edited code of a file with imports that it needs, and without those that nothing uses any more."""
    context = CodemodContext(full_module_name=source.module, full_package_name=source.package)
    for module, name, alias in needed:
        AddImportsVisitor.add_needed_import(context, module, name, alias)
    for module, name, alias in perhaps_unused:
        RemoveImportsVisitor.remove_unused_import(context, module, name, alias)
    tree = AddImportsVisitor(context).transform_module(cst.parse_module(code))
    return RemoveImportsVisitor(context).transform_module(tree).bytes


def as_name(name: str) -> cst.AsName:
    space = cst.SimpleWhitespace(" ")
    return cst.AsName(cst.Name(name), whitespace_before_as=space, whitespace_after_as=space)


def aliases_of(statement: cst.ImportFrom) -> list[cst.ImportAlias]:
    return [] if isinstance(statement.names, cst.ImportStar) else list(statement.names)


def from_module(statement: cst.CSTNode, module: str, source: Source) -> cst.ImportFrom:
    """Return a statement that imports from another module, relatively if it did and the module is in reach."""
    assert isinstance(statement, cst.ImportFrom)
    base = source.absolute("." * len(statement.relative)) if statement.relative else None
    space = cst.SimpleWhitespace(" ")
    if base and module == base:
        return statement.with_changes(module=None)
    if base and module.startswith(f"{base}."):
        return statement.with_changes(module=dotted(module.removeprefix(f"{base}.")), whitespace_after_from=space)
    return statement.with_changes(module=dotted(module), relative=(), whitespace_after_from=space)


def split(node: cst.CSTNode, by_module: Mapping[str, list[cst.ImportAlias]], source: Source) -> Edited:
    """Return a statement for each module that the names come from now; the first keeps the form of the old one.

    The node is the statement itself, or the line that holds nothing else.
    """
    statement = node.body[0] if isinstance(node, cst.SimpleStatementLine) else node
    assert isinstance(statement, cst.ImportFrom)
    closing = aliases_of(statement)[-1].comma
    parts = [
        from_module(statement.with_changes(names=_ended(aliases, closing)), module, source)
        for module, aliases in by_module.items()
    ]
    if len(parts) == 1:
        return node.with_changes(body=parts) if isinstance(node, cst.SimpleStatementLine) else parts[0]
    further = [each.with_changes(lpar=None, rpar=None, names=_bare(aliases_of(each))) for each in parts[1:]]
    if not isinstance(node, cst.SimpleStatementLine):
        return cst.FlattenSentinel(
            [part.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for part in [parts[0], *further]]
        )
    lines = [node.with_changes(body=[parts[0]])]
    for part, aliases in zip(further, list(by_module.values())[1:], strict=True):
        comments = [text for each in aliases if (text := _comment(each))]
        ending = (
            cst.TrailingWhitespace(cst.SimpleWhitespace("  "), cst.Comment("  ".join(comments))) if comments else None
        )
        lines.append(cst.SimpleStatementLine([part], trailing_whitespace=ending or cst.TrailingWhitespace()))
    return cst.FlattenSentinel(lines)


def _ended(aliases: list[cst.ImportAlias], closing: cst.Comma | cst.MaybeSentinel) -> list[cst.ImportAlias]:
    """Return the aliases without repetitions; the last ends as the last of the old statement did."""
    last = {(each.evaluated_name, each.evaluated_alias): each for each in aliases}
    kept = [each for each in aliases if last[each.evaluated_name, each.evaluated_alias] is each]
    own, old = (getattr(each, "whitespace_after", None) for each in (kept[-1].comma, closing))
    if isinstance(own, cst.ParenthesizedWhitespace) and isinstance(old, cst.ParenthesizedWhitespace):
        closing = cst.Comma(whitespace_after=old.with_changes(first_line=own.first_line))
    kept[-1] = kept[-1].with_changes(comma=closing)
    return kept


def _bare(aliases: list[cst.ImportAlias]) -> list[cst.ImportAlias]:
    return [cst.ImportAlias(each.name, each.asname) for each in aliases]


def _comment(alias: cst.ImportAlias) -> str:
    """Return the comment that follows an alias on its line."""
    space = getattr(alias.comma, "whitespace_after", None)
    comment = space.first_line.comment if isinstance(space, cst.ParenthesizedWhitespace) else None
    return comment.value if comment else ""
