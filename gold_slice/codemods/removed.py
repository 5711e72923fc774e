"""Name the lines that use what a release removed."""

from dataclasses import dataclass

import libcst as cst
from libcst.helpers import get_full_name_for_node

from .imports import aliases_of
from .renames import Renamed, moved
from .source import Change, Source, text_of


@dataclass(frozen=True, slots=True)
class Removed:
    """Something is gone, and nothing takes its place by itself: every line that names it is named, with what to do."""

    name: str
    advice: str

    @property
    def why(self) -> str:
        """The reason that the report gives."""
        return f"{self.name} is gone: {self.advice}"

    def concerns(self, source: Source) -> bool:
        """Return whether the file may name it."""
        return Renamed(self.name, "").concerns(source)

    def change(self, source: Source) -> Change:
        """Return the file as it is, and the places."""
        gone, source = {self.name: ""}, source.about(self.name)
        found: set[cst.CSTNode] = set()
        for statement in source.of(cst.ImportFrom):
            module = source.imported_module(statement)
            full = [module, *(f"{module}.{alias.evaluated_name}" for alias in aliases_of(statement))]
            found |= {statement} if any(moved(each, gone) != each for each in full) else set()
        for alias in (alias for statement in source.of(cst.Import) for alias in statement.names):
            found |= {alias} if self.name == get_full_name_for_node(alias.name) else set()
        for attribute in source.of(cst.Attribute):
            found |= {attribute} if self.name in source.names_of(attribute) else set()
        for string in source.of(cst.SimpleString):
            found |= {string} if moved(text_of(string), gone) != text_of(string) else set()
        return Change(source.edited({}), [source.place(node, self.why) for node in found])
