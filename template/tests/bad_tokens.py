"""Tokens that no issuer should make: by name, what makes each out of the claims of a good one."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from issue_token import AUDIENCE, ISSUER, LocalIssuer

type Make = Callable[[LocalIssuer], str]


def good_claims(**others: Any) -> dict[str, Any]:
    """Return claims that are accepted, but for these others; None leaves a claim out."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "exp": int(time.time()) + 600} | others
    return {name: value for name, value in claims.items() if value is not None}


def signed(**claims: Any) -> Make:
    """Return what signs good claims but for these."""
    return lambda issuer: issuer.sign(good_claims(**claims))


def headed(**headers: Any) -> Make:
    """Return what signs good claims below another header."""
    return lambda issuer: issuer.sign(good_claims(), headers=headers)


def encoded(header: Mapping[str, Any] | bytes, payload: bytes, signature: bytes = b"x") -> str:
    """Return three parts as a token has them; nothing is signed."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (head, payload, signature))


def unsigned(header: Mapping[str, Any] | bytes, payload: bytes | None = None) -> Make:
    """Return what puts a signature of nobody below a header and a payload."""
    return lambda issuer: encoded(
        {"kid": issuer.key_id, **header} if isinstance(header, dict) else header,
        json.dumps(good_claims()).encode() if payload is None else payload,
    )


def with_public_key_as_secret(issuer: LocalIssuer) -> str:
    """Return a token whose HMAC has the published key as its secret."""
    payload = json.dumps(good_claims()).encode()
    signed = encoded({"alg": "HS256", "kid": issuer.key_id}, payload).rpartition(".")[0]
    digest = hmac.digest(json.dumps(issuer.jwks["keys"][0]).encode(), signed.encode(), "sha256")
    return signed + "." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def with_raw_payload(payload: str) -> Make:
    """Return what signs a payload that is no object of claims, or one that Python's encoder would not write."""
    return lambda issuer: jwt.api_jws.encode(payload.encode(), issuer.key, "RS256", headers={"kid": issuer.key_id})


BAD_TOKENS: Final[dict[str, Make]] = {
    "one word": lambda _: "token",
    "two dots": lambda _: "..",
    "four parts": lambda issuer: issuer.issue() + ".x",
    "not base64": lambda _: "!!!.???.###",
    "100,000 characters": lambda _: "x" * 100_000,
    "not ASCII": lambda issuer: issuer.issue() + "\u00e9",
    "NUL": lambda issuer: issuer.issue() + "\0",
    "alg none": unsigned({"alg": "none"}),
    "alg None": unsigned({"alg": "None"}),
    "alg of a list": unsigned({"alg": ["RS256"]}),
    "alg of null": unsigned({"alg": None}),
    "no alg": unsigned({"typ": "JWT"}),
    "alg of HMAC": with_public_key_as_secret,
    "alg of another key": unsigned({"alg": "ES256"}),
    "unknown kid": headed(kid="another"),
    "kid of a number": unsigned({"alg": "RS256", "kid": 7}),
    "kid of a path": headed(kid="../../etc/passwd"),
    "kid with a NUL": headed(kid="\0"),
    "crit of an unknown header": headed(crit=["exotic"], exotic=1),
    "detached payload": unsigned({"alg": "RS256", "b64": False, "crit": ["b64"]}, b""),
    "header of a list": unsigned(b"[]"),
    "header 5,000 levels deep": unsigned(b"[" * 5000),
    "header of a number": unsigned(b"9" * 5000),
    "a signature of nobody": unsigned({"alg": "RS256"}),
    "payload of a list": with_raw_payload("[]"),
    "payload of null": with_raw_payload("null"),
    "payload that is not JSON": with_raw_payload("{"),
    "payload 5,000 levels deep": with_raw_payload('{"a":' * 2000 + "1" + "}" * 2000),
    "payload with NaN": with_raw_payload(json.dumps(good_claims(exp=float("nan")))),
    "expired": signed(exp=1_000_000_000),
    "no exp": signed(exp=None),
    "infinite exp": signed(exp=float("inf")),
    "huge exp": signed(exp=10**400),
    "exp of a list": signed(exp=[9_999_999_999]),
    "exp of a text": signed(exp="soon"),
    "exp of true": signed(exp=True),
    "negative exp": signed(exp=-1),
    "not yet valid": signed(nbf=9_999_999_999),
    "issued tomorrow": signed(iat=9_999_999_999),
    "no issuer": signed(iss=None),
    "another issuer": signed(iss="https://other.localhost"),
    "issuer with a slash more": signed(iss=ISSUER + "/"),
    "issuer of a list": with_raw_payload(json.dumps(good_claims(iss=[ISSUER]))),
    "no audience": signed(aud=None),
    "another audience": signed(aud="other"),
    "audience of a number": signed(aud=7),
    "audience of numbers": signed(aud=[7]),
    "no audience in a list": signed(aud=[]),
    "no subject and no client": signed(sub=None),
    "subject of a number": signed(sub=7),
    "subject of a list": signed(sub=["ana"]),
    "empty subject": signed(sub=""),
    "subject with a NUL": signed(sub="a\0b"),
    "subject with a line break": signed(sub="a\r\nb"),
    "subject of half a surrogate pair": signed(sub="\ud800"),
    "subject of 256 characters": signed(sub="a" * 256),
}
