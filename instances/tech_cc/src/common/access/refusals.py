"""Why a request was refused access, with the challenge that RFC 6750 and RFC 9728 ask for."""

from http import HTTPStatus
from typing import ClassVar

from starlette.requests import HTTPConnection

from src.common.access.metadata import metadata_url
from src.common.errors import ProblemResponse, RefusalError, UnavailableError


class AccessError(RefusalError):
    """The request lacks a token, or its token does not allow what it asks for.

    Attributes:
        error: The code of RFC 6750; None if the request had no token.
        scope: The scope that would have been needed, if that is known.
    """

    problem_type: ClassVar[str] = "access-refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED
    error: ClassVar[str | None] = None

    def __init__(self, message: str, *, scope: str | None = None) -> None:
        super().__init__(message)
        self.scope = scope


class MissingTokenError(AccessError):
    problem_type = "token-missing"

    def __init__(self, *, scope: str | None = None) -> None:
        super().__init__("This address needs a token. Send one as `Authorization: Bearer <token>`.", scope=scope)


class InvalidTokenError(AccessError):
    problem_type = "token-invalid"
    error = "invalid_token"


class InsufficientScopeError(AccessError):
    problem_type = "scope-missing"
    status = HTTPStatus.FORBIDDEN
    error = "insufficient_scope"

    def __init__(self, *, scope: str) -> None:
        super().__init__(f"This needs the scope {scope}, which the token lacks. Ask for a token with it.", scope=scope)


class KeysUnavailableError(UnavailableError):
    """The keys of the issuer cannot be read, so that nobody can say whether the token is valid."""

    problem_type: ClassVar[str] = "issuer-keys-unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The keys of the token's issuer cannot be read, so the token was not verified. Try again shortly."
        )


async def handle_access_error(connection: HTTPConnection, refusal: Exception) -> ProblemResponse:
    """Answer 401 or 403 with a `WWW-Authenticate` header."""
    assert isinstance(refusal, AccessError)
    return ProblemResponse(
        connection,
        refusal.status,
        str(refusal),
        problem_type=refusal.problem_type,
        headers={"WWW-Authenticate": challenge(connection, refusal)},
    )


def challenge(connection: HTTPConnection, refusal: AccessError) -> str:
    """Return the value of `WWW-Authenticate` for a refusal."""
    parameters = {
        "error": refusal.error,
        "error_description": str(refusal).replace('"', "'") if refusal.error else None,
        "scope": refusal.scope,
        "resource_metadata": metadata_url(connection),
    }
    given = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
    return f"Bearer {given}" if given else "Bearer"
