"""Dependencies of the slice's routes."""

from typing import Annotated

from fastapi import Depends

from src.common.access.scopes import requires_module
from src.db.autocommit import AutocommitSession, get_autocommit_session

from .identity import MODULE

__all__ = ["MODULE_ACCESS", "Session"]

# No transaction, one round trip a statement: every use case of this slice is one statement.
Session = Annotated[AutocommitSession, Depends(get_autocommit_session)]
# What callers need: `<module>:read` for GET, `<module>:write` to add an entry.
MODULE_ACCESS = requires_module(MODULE)
