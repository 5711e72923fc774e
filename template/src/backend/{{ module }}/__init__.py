"""A vertical slice: the module's tables, rules and routes, and `SLICE`, which the host mounts."""

from src.backend.slice import Slice

from .graph_models import GRAPH_MODELS
from .identity import LABEL, MODULE
from .routers import debug_router, health, modules, scratch_notes
from .services.logging import LOG
from .services.modules import register_itself
from .services.scratch_notes import purge_notes

SLICE = Slice(
    module=MODULE,
    label=LABEL,
    routers=[health.router, modules.router, scratch_notes.router],
    debug_routers=[debug_router.router],
    log=LOG,
    graph_models=GRAPH_MODELS,
    register=register_itself,
    purge_scratch=purge_notes,
    mcp_package=f"{__name__}.{MODULE}_mcp",
)
