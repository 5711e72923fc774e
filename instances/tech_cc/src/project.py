"""What this project was spawned as; the only file of the host that says so."""

from typing import Final

FIRST_MODULE: Final = "cc"
