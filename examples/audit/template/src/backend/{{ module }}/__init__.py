"""An audit trail: who did what to what. Entries are added and read, never changed or deleted."""

from src.backend.slice import Slice

from .identity import LABEL, MODULE
from .mem0_models import LOG
from .routers import entries

SLICE = Slice(module=MODULE, label=LABEL, routers=[entries.router], log=LOG)
