"""Dependencies of the slice's routes."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from src.common.access.scopes import requires_module
from src.db.autocommit import AutocommitSession, get_autocommit_session
from src.db.connection import get_db_session
from src.l1.request_recorder import recording_route
from src.l1.writer import L1Writer, get_l1_writer

from .identity import MODULE
from .services.logging import LOG

__all__ = ["MODULE_ACCESS", "ChangeSession", "DbSession", "ReadSession", "RecordingRoute", "Writer", "get_db_session"]

# A transaction, committed before the response is sent: for a use case of several statements.
DbSession = Annotated[AsyncSession, Depends(get_db_session, scope="function")]
# No transaction, one round trip a statement: for reads, and for a change that is one statement.
ReadSession = Annotated[AutocommitSession, Depends(get_autocommit_session)]
ChangeSession = ReadSession
Writer = Annotated[L1Writer, Depends(get_l1_writer)]
# A router with `APIRouter(route_class=RecordingRoute)` records its changing requests.
RecordingRoute = recording_route(LOG)
# What every router needs of its callers: `<module>:read` for GET, `<module>:write` for methods that change something.
MODULE_ACCESS = requires_module(MODULE)
