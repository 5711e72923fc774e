"""The project's first module; no other file of the host contains its name."""

from typing import Final

FIRST_MODULE: Final = "cc"
