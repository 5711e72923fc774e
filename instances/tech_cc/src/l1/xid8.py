"""PostgreSQL's 64-bit transaction ids, which never wrap around."""

from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType


class Xid8(UserDefinedType[int]):
    """The id of a transaction, as an integer; every later one that writes gets a higher id."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        """Return the type's name in SQL."""
        return "XID8"


ischema_names["xid8"] = Xid8  # so that a comparison of models and tables knows the type
