"""A vertical slice: the module's tables, rules and routes, and the one object that the host knows it by."""

from backend.slice import Slice

from .identity import LABEL, MODULE
from .routers import health, modules, scratch_notes

SLICE = Slice(module=MODULE, label=LABEL, routers=[health.router, modules.router, scratch_notes.router])
