"""What every codemod offers; a release may bring classes of its own."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol, runtime_checkable

from .source import Change, Source

MODULE = "{module}"


@runtime_checkable
class Codemod(Protocol):
    """A change of a project's code that a release makes necessary. Applied twice, it does what it does once."""

    @property
    def why(self) -> str:
        """The reason that the report gives for a changed file."""

    def concerns(self, source: Source) -> bool:
        """Return quickly whether a file may have to change; it is not parsed by libcst otherwise."""

    def change(self, source: Source) -> Change:
        """Return the file changed, and the places that a person must look at."""


def belongs_to_modules(codemod: Codemod) -> bool:
    """Return whether a codemod is for each module, and not for the host."""
    return any(MODULE in text for text in _texts(codemod))


def for_modules(codemod: Codemod, names: Sequence[str]) -> list[Codemod]:
    """Return the codemod for each module."""
    return [_with_module(codemod, name) for name in names]


def _with_module(codemod: Any, name: str) -> Any:
    changes = {field.name: _put(getattr(codemod, field.name), name) for field in fields(codemod) if field.init}
    return replace(codemod, **changes)


def _put(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace(MODULE, name)
    return tuple(_put(each, name) for each in value) if isinstance(value, tuple) else value


def _texts(codemod: Any) -> list[str]:
    values = [getattr(codemod, field.name) for field in fields(codemod)] if is_dataclass(codemod) else []
    return [
        text for value in values for text in (value if isinstance(value, tuple) else (value,)) if isinstance(text, str)
    ]
