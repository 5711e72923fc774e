"""The module's names; no other file of the slice contains them. MEM0_SCHEMA comes from the settings."""

from typing import Final

from src.common.config import get_settings

DOMAIN: Final = "tech"
MODULE: Final = "cc"
LABEL: Final = "tech_cc"
VERSION: Final = "0.1.0"
SCHEMA: Final = "cc"
MEM0_SCHEMA: Final = get_settings().mem0_schema_of(MODULE)
