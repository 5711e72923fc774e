"""The three host files that list modules, and which entries a module has in each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .answers import Module


@dataclass(frozen=True, slots=True)
class HostList:
    """A list literal in a host file, and the entries that a module has in it."""

    path: str
    name: str
    entries_of: Callable[[Module], list[str]]

    def entries(self, modules: Iterable[Module]) -> list[str]:
        """Return the entries of all the modules."""
        return [entry for module in modules for entry in self.entries_of(module)]


MODEL_FILES = ("mem0_models", "models")
HOST_LISTS = (
    HostList("alembic/env.py", "MODEL_MODULES", lambda m: [f"src.backend.{m.name}.{file}" for file in MODEL_FILES]),
    HostList("src/cos_main.py", "SLICES", lambda m: [f"src.backend.{m.name}"]),
    HostList("src/graph/registry.py", "MODULE_LABELS", lambda m: [m.label]),
)
