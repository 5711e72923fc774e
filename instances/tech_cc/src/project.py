"""Names of this project; no other file of the host contains them."""

from typing import Final

DISTRIBUTION: Final = "cos"
FIRST_MODULE: Final = "cc"
