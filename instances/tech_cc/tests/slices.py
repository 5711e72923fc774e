"""The slices that the tests of the host call; a module of another template has other tables, routes and tools."""

from importlib.util import find_spec
from typing import Final

from src.backend.slice import load_slice
from src.cos_main import SLICES

SAMPLE_SLICE: Final = next(package for package in SLICES if find_spec(f"{package}.routers.scratch_notes"))
SLICES_WITH_MCP: Final = [package for package in SLICES if load_slice(package).mcp_package]
