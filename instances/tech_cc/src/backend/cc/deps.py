"""What the routes of the slice ask for."""

from typing import Annotated

from fastapi import Depends, params
from sqlalchemy.ext.asyncio import AsyncSession

from src.db.connection import get_db_session
from src.l1.mutations import mutations_recorded
from src.l1.writer import L1Writer, get_l1_writer

from .services.logging import LOG

__all__ = ["DbSession", "Writer", "get_db_session", "records_mutations"]

DbSession = Annotated[AsyncSession, Depends(get_db_session, scope="function")]
Writer = Annotated[L1Writer, Depends(get_l1_writer)]


def records_mutations() -> params.Depends:
    """Return what makes a router record its mutating requests: `APIRouter(dependencies=[records_mutations()])`."""
    dependency: params.Depends = Depends(mutations_recorded(LOG), scope="function")
    return dependency
