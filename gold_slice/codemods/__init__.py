"""Codemods: what a release changes in the code of a project, the user's own files included.

A release carries them in `gold_slice/codemods/v1_2_0.py` of its template, as `CODEMODS: list[Codemod]`, in order.
`{module}` in a name stands for each module of a project: such a codemod belongs to modules, any other to the host.
"""

from .attributes import RenamedAttribute, RenamedColumn, RenamedSetting
from .calls import AddedArgument, ChangedDecorator, RenamedParameter
from .codemod import Codemod
from .removed import Removed
from .renames import Renamed
from .source import Change, Place, Source

__all__ = [
    "AddedArgument",
    "Change",
    "ChangedDecorator",
    "Codemod",
    "Place",
    "Removed",
    "Renamed",
    "RenamedAttribute",
    "RenamedColumn",
    "RenamedParameter",
    "RenamedSetting",
    "Source",
]
