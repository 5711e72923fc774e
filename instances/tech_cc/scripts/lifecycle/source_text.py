"""Read facts off Python files without running or importing them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROUTE_CALLS = {"get", "post", "put", "patch", "delete", "route", "websocket", "mount", "include_router", "APIRouter"}


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
    """Return the constant that a file assigns to a name at its top level, `...` for anything else, None for nothing."""
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


def route_paths(source: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and path of everything in a file that looks like a route or a prefix of routes."""
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and _name_of(node.func) in ROUTE_CALLS:
            values = [
                *node.args[:1],
                *(keyword.value for keyword in node.keywords if keyword.arg in ("path", "prefix")),
            ]
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.startswith("/"):
                    yield node.lineno, value.value


def _name_of(function: ast.expr) -> str | None:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
