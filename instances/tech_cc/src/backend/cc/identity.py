"""What this module is called; the only file of the slice that says so. MEM0_SCHEMA is the process's, read once."""

from typing import Final

from src.common.config import get_settings

DOMAIN: Final = "tech"
MODULE: Final = "cc"
LABEL: Final = "tech_cc"
VERSION: Final = "0.1.0"
SCHEMA: Final = "cc"
MEM0_SCHEMA: Final = get_settings().mem0_schema_of(MODULE)
