"""What a router needs its callers to have: `APIRouter(dependencies=[requires("seats:write")])`."""

from typing import Any, Final

from fastapi import Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from src.common.access.caller import Caller, current_caller
from src.common.access.refusals import InsufficientScopeError, MissingTokenError

READING_METHODS: Final = {"GET", "HEAD", "OPTIONS"}


class RequiredCaller(SecurityBase):
    """A dependency that returns the caller, whom the guard has checked; OpenAPI shows that the route takes a token."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "token"

    async def __call__(self) -> Caller:
        """Return the caller.

        Raises:
            MissingTokenError: There is no caller: the path is open, or the guard is not installed.
        """
        caller = current_caller()
        if caller is None:
            raise MissingTokenError
        return caller


class RequiredScope(RequiredCaller):
    """A dependency that returns the caller if it has the scope."""

    def __init__(self, *, reading: str, writing: str) -> None:
        super().__init__()
        self.reading = reading
        self.writing = writing

    async def __call__(self, connection: HTTPConnection) -> Caller:  # type: ignore[override]  # FastAPI reads each signature
        """Return the caller.

        Raises:
            MissingTokenError: There is no caller: the path is open, or the guard is not installed.
            InsufficientScopeError: The caller's token lacks the scope.
        """
        scope = self.reading if connection.scope.get("method", "GET") in READING_METHODS else self.writing
        caller = current_caller()
        if caller is None:
            raise MissingTokenError(scope=scope)
        if not caller.may(scope):
            raise InsufficientScopeError(scope=scope)
        return caller


def requires_caller() -> Any:
    """Return the dependency that refuses requests without a token, whatever its scopes."""
    return Security(RequiredCaller())


def requires(scope: str) -> Any:
    """Return the dependency that refuses callers without this scope, whatever the method."""
    return Security(RequiredScope(reading=scope, writing=scope))


def requires_module(module: str) -> Any:
    """Return the dependency that needs `<module>:read` for GET, and `<module>:write` for methods that change."""
    read, write = module_scopes(module)
    return Security(RequiredScope(reading=read, writing=write))


def module_scopes(module: str) -> tuple[str, str]:
    """Return the scopes of a module: to read, and to write."""
    return f"{module}:read", f"{module}:write"
