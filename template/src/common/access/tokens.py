"""Verify bearer tokens: JWTs of the issuer, and development tokens of the settings."""

import json
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

import jwt
from jwt.utils import base64url_decode

from src.common.access.caller import Caller
from src.common.access.keys import Fetch, IssuerKeys, fetch_from
from src.common.access.refusals import InvalidTokenError
from src.common.config import Settings

# Signatures that are made with a private key. With a symmetric key, the service could also make tokens.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
TOKEN_LIMIT: Final = 8_192
SUBJECT_LIMIT: Final = 255  # as long as the column
# A verified token is not verified again for this long, or until it expires.
REMEMBERED_S: Final = 10.0
REMEMBERED_TOKENS: Final = 2_000

MALFORMED: Final = "The token cannot be read. Send a JWT of the issuer, signed with a public-key algorithm."
UNVERIFIED: Final = "The token was not accepted: its signature or a claim is wrong. Ask for a new token."
EXPIRED: Final = "The token has expired. Ask for a new token."
FOR_OTHERS: Final = "The token is for another audience. Ask for one whose audience is this service."
OF_OTHERS: Final = "The token is of another issuer. Ask the issuer of this service for one."


class TokenVerifier:
    """Turns a token into its caller; one for each process, `app.state.token_verifier`."""

    def __init__(self, settings: Settings, *, fetch: Fetch | None = None, remembered_s: float = REMEMBERED_S) -> None:
        self._settings = settings
        self._keys = IssuerKeys(fetch or fetch_from(settings))
        self._remembered_s = remembered_s
        self._remembered: dict[bytes, tuple[Caller, float]] = {}

    async def verify(self, token: str) -> Caller:
        """Return who the token stands for.

        Raises:
            InvalidTokenError: It is malformed, expired, of another issuer, or for another audience.
            KeysUnavailableError: The issuer's keys cannot be read.
        """
        if len(token) > TOKEN_LIMIT or not token.isascii():
            raise InvalidTokenError(MALFORMED)
        digest = sha256(token.encode())
        if caller := self._recall(digest.digest()):
            return caller
        caller = self._find_dev_token(digest.hexdigest()) or await self._verify_jwt(token)
        self._remember(digest.digest(), caller)
        return caller

    def _find_dev_token(self, digest: str) -> Caller | None:
        """Return the caller of a development token; all are compared, in constant time."""
        found = None
        for known in self._settings.dev_tokens:
            if compare_digest(known.sha256, digest):
                found = known
        if found is None:
            return None
        if found.audience not in self._settings.oidc_audience:
            raise InvalidTokenError(FOR_OTHERS)
        return Caller(subject=found.subject, scopes=frozenset(found.scopes), audiences=frozenset({found.audience}))

    async def _verify_jwt(self, token: str) -> Caller:
        if not self._settings.oidc_issuer:
            raise InvalidTokenError(UNVERIFIED)
        key = await self._keys.key_of(key_id_of(token))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._settings.oidc_audience,
                issuer=self._settings.oidc_issuer,
                leeway=self._settings.oidc_leeway_s,
                options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
            )
            return caller_of(claims)
        except jwt.ExpiredSignatureError:
            raise InvalidTokenError(EXPIRED) from None
        except jwt.InvalidAudienceError:
            raise InvalidTokenError(FOR_OTHERS) from None
        except jwt.InvalidIssuerError:
            raise InvalidTokenError(OF_OTHERS) from None
        except Exception:  # noqa: BLE001  # the issuer chose every claim: it may have any type, and any size
            raise InvalidTokenError(UNVERIFIED) from None

    def _recall(self, digest: bytes) -> Caller | None:
        caller, until = self._remembered.get(digest, (None, 0.0))
        return caller if time.monotonic() < until else None

    def _remember(self, digest: bytes, caller: Caller) -> None:
        left_s = self._remembered_s
        if caller.expires_at is not None:
            left_s = min(left_s, caller.expires_at + self._settings.oidc_leeway_s - time.time())
        while len(self._remembered) >= REMEMBERED_TOKENS:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = caller, time.monotonic() + left_s


def key_id_of(token: str) -> str | None:
    """Return the name of the key that a token says it is signed with; nothing of the token is verified.

    Raises:
        InvalidTokenError: It has no proper header, or names an algorithm that is not accepted.
    """
    try:
        # PyJWT's own function decodes all parts, and costs as much as everything else together.
        header = json.loads(base64url_decode(token.partition(".")[0]))
        algorithm, key_id = header.get("alg"), header.get("kid")
    except Exception:  # noqa: BLE001  # the client chose every byte of it
        raise InvalidTokenError(MALFORMED) from None
    if algorithm not in ALGORITHMS or not isinstance(key_id, str | None):
        raise InvalidTokenError(MALFORMED)
    return key_id


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """Return who the claims of a verified token name.

    Raises:
        ValueError: They name nobody, or somebody whom the log cannot hold.
    """
    client = _text(claims.get("client_id", claims.get("azp")))
    subject = _text(claims.get("sub")) or client
    if not subject or len(subject) > SUBJECT_LIMIT or not subject.isprintable():
        raise ValueError("has no usable subject")
    audience = claims.get("aud", ())
    return Caller(
        subject=subject,
        scopes=frozenset([*_words(claims.get("scope")), *_words(claims.get("scp"))]),
        client=client,
        audiences=frozenset([audience] if isinstance(audience, str) else audience),
        expires_at=float(claims["exp"]),
    )


def _text(claim: object) -> str | None:
    """Return a name; some issuers write numbers."""
    return str(claim) if isinstance(claim, str | int) else None


def _words(claim: object) -> Iterator[str]:
    """Yield the scopes of a claim: one text with spaces, as RFC 8693 has it, or a list, as some issuers have it."""
    if isinstance(claim, str):
        yield from claim.split()
    elif isinstance(claim, list):
        yield from (word for word in claim if isinstance(word, str))
