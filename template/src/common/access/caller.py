"""Who sent the current request."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a verified token says.

    Attributes:
        subject: The `sub` of the token; its client if it has none. None if the API is open.
        scopes: What the caller may do, such as `seats:read`.
        client: The application that called, as `client_id` or `azp` names it.
        audiences: The services that the token is for.
        expires_at: Seconds since 1970; None if the token does not expire.
    """

    subject: str | None
    scopes: frozenset[str] = field(default_factory=frozenset)
    client: str | None = None
    audiences: frozenset[str] = field(default_factory=frozenset)
    expires_at: float | None = None
    is_unrestricted: bool = False

    def may(self, scope: str) -> bool:
        """Return whether the caller has this scope."""
        return self.is_unrestricted or scope in self.scopes


# The caller of every request while the API is open.
ANYBODY: Final = Caller(subject=None, is_unrestricted=True)

caller_of_request: Final[ContextVar[Caller | None]] = ContextVar("caller", default=None)


def current_caller() -> Caller | None:
    """Return who sent the current request; None outside of requests, and on open paths of a guarded service."""
    return caller_of_request.get()


def current_subject() -> str | None:
    """Return the subject of the current caller, which every record of the log holds."""
    caller = caller_of_request.get()
    return caller.subject if caller else None
