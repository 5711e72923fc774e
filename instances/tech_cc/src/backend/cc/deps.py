"""What the routes of the slice ask for."""

from typing import Annotated

from fastapi import Depends, params
from sqlalchemy.ext.asyncio import AsyncSession

from src.db.autocommit import AutocommitSession, get_autocommit_session
from src.db.connection import get_db_session
from src.l1.mutations import mutations_recorded
from src.l1.writer import L1Writer, get_l1_writer

from .services.logging import LOG

__all__ = ["ChangeSession", "DbSession", "ReadSession", "Writer", "get_db_session", "records_mutations"]

# A transaction, committed before the response is sent: for a use case of several statements.
DbSession = Annotated[AsyncSession, Depends(get_db_session, scope="function")]
# No transaction, one round trip a statement: for reads, and for a change that is one statement.
ReadSession = Annotated[AutocommitSession, Depends(get_autocommit_session)]
ChangeSession = ReadSession
Writer = Annotated[L1Writer, Depends(get_l1_writer)]


def records_mutations() -> params.Depends:
    """Return what makes a router record its mutating requests: `APIRouter(dependencies=[records_mutations()])`."""
    dependency: params.Depends = Depends(mutations_recorded(LOG), scope="function")
    return dependency
