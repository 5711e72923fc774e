"""Read facts from Python files without importing them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROUTE_DECORATORS = {"get", "post", "put", "patch", "delete", "head", "options", "api_route", "route", "websocket"}
ROUTE_CALLS = {"mount", "include_router", "add_api_route", "APIRouter"}
SILENCED = "gold-slice: ignore"


def parsed(path: Path) -> ast.Module | str:
    """Return a file's syntax tree, or why there is none."""
    try:
        return ast.parse(path.read_bytes())
    except FileNotFoundError:
        return "the file is missing"
    except OSError as fault:
        return f"the file cannot be read: {fault.strerror}"
    except SyntaxError as fault:
        return f"line {fault.lineno} is not valid Python; conflict markers count as such"
    except ValueError:
        return "the file holds a NUL character"


def assigned(source: ast.Module, name: str) -> object:
    """Return the constant that a file assigns to a name, `...` for another value, None if it assigns none."""
    for statement in source.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if any(isinstance(target, ast.Name) and target.id == name for target in targets) and value is not None:
            try:
                constant: object = ast.literal_eval(value)
            except (ValueError, TypeError):
                return ...
            return constant
    return None


def assigns(source: ast.Module, name: str) -> bool:
    """Say whether a file assigns anything to a name at its top level, None included."""
    targets = [target for statement in source.body if isinstance(statement, ast.Assign) for target in statement.targets]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def route_paths(source: ast.Module, text: list[str]) -> Iterator[tuple[int, str]]:
    """Yield line and path of every route, and of every prefix of routes, that a file declares.

    A line with the comment `# gold-slice: ignore` is passed over.
    """
    for node in ast.walk(source):
        for call in _route_calls(node):
            keywords = [keyword.value for keyword in call.keywords if keyword.arg in ("path", "prefix")]
            for value in (*call.args[:1], *keywords):
                path = value.value if isinstance(value, ast.Constant) else None
                if isinstance(path, str) and path.startswith("/") and SILENCED not in text[value.lineno - 1]:
                    yield value.lineno, path


def imports_of(path: Path, package: str, *, in_package: str) -> list[int]:
    """Return the lines of a file that import a package or a part of it, in any form, or name it as a string.

    `in_package` is the path of the file in the project; relative imports count from it.
    """
    source = parsed(path)
    if isinstance(source, str):
        return []
    parents = in_package.removesuffix(".py").split("/")[:-1]
    nodes = (node for node in ast.walk(source) if isinstance(node, (ast.stmt, ast.expr)))
    return sorted({node.lineno for node in nodes for name in _names(node, parents) if _is_in(name, package)})


def _names(node: ast.AST, parents: list[str]) -> Iterator[str]:
    """Yield the dotted names that an import statement or a string stands for."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = [*parents[: len(parents) - node.level + 1]] if node.level else []
        start = ".".join([*base, *([node.module] if node.module else [])])
        yield from (f"{start}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _route_calls(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.Call) and _name_of(node.func) in ROUTE_CALLS:
        yield node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        calls = (each for each in node.decorator_list if isinstance(each, ast.Call))
        yield from (call for call in calls if _name_of(call.func) in ROUTE_DECORATORS)


def _name_of(function: ast.expr) -> str | None:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
