"""What the routes of the slice ask for."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import get_db_session

__all__ = ["DbSession", "get_db_session"]

DbSession = Annotated[AsyncSession, Depends(get_db_session, scope="function")]
