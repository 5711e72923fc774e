"""Operation ids of the OpenAPI description: names of functions, the same whatever modules are added or removed."""

from src.project import FIRST_MODULE


def operation_prefix(module: str) -> str:
    """Return what the operation ids of a module begin with; those of the first module are the plain names."""
    return "" if module == FIRST_MODULE else f"{module}_"
