"""Issue a token for development: this is a local issuer, whose keys are in .dev/issuer.

    uv run python scripts/issue_token.py LABEL                         may read and write in a module
    uv run python scripts/issue_token.py LABEL --scope MODULE:read     may read
    curl -H "Authorization: Bearer $(uv run python scripts/issue_token.py LABEL)" http://127.0.0.1:8000/MODULE/modules

A label is <domain>_<module>. Stdout has the token, stderr the settings with which the service accepts it.
Exit status: 0 done, 1 refused, 2 usage.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://issuer.localhost"  # a name; nothing answers there
AUDIENCE = "cos"
PROJECT = Path(__file__).resolve().parent.parent


class LocalIssuer:
    """A key in a folder, made when it is first needed, and tokens that are signed with it."""

    def __init__(self, folder: Path) -> None:
        self._jwks = folder / "jwks.json"
        self.key = _load_or_make(folder / "key.pem")
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.key_id = sha256(str(public["n"]).encode()).hexdigest()[:16]
        self.jwks = {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}
        published = json.dumps(self.jwks)
        if not self._jwks.exists() or self._jwks.read_text() != published:  # a service may be reading it
            self._jwks.write_text(published)

    @property
    def settings(self) -> dict[str, str]:
        """What makes a service accept the tokens."""
        return {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks_url": self._jwks.as_uri()}

    def sign(self, claims: Mapping[str, Any], *, headers: Mapping[str, Any] | None = None) -> str:
        """Return a token with these claims, whatever they are, and nothing else."""
        given = {"kid": self.key_id, **(headers or {})}
        return jwt.encode(dict(claims), self.key, "RS256", headers={k: v for k, v in given.items() if v is not None})

    def issue(self, *scopes: str, subject: str = "developer", lifetime_s: int = 3600, **claims: Any) -> str:
        """Return a token that the service accepts until it expires."""
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "client_id": "issue_token", "iat": now}
        return self.sign({**usual, "exp": now + lifetime_s, "scope": " ".join(scopes), **claims})


def main() -> None:
    """Print a token."""
    from src.backend.slice import load_slice  # noqa: PLC0415  # tests need the class alone
    from src.common.access.scopes import module_scopes  # noqa: PLC0415
    from src.cos_main import SLICES  # noqa: PLC0415

    options = _options()
    modules = {part.label: part.module for part in map(load_slice, SLICES)}
    if options.label not in modules:
        sys.exit(f"No module has the label {options.label}. Choose one of these: {', '.join(sorted(modules))}.")
    try:
        issuer = LocalIssuer(PROJECT / ".dev" / "issuer")
    except (OSError, ValueError) as fault:
        sys.exit(f"Cannot use the key in .dev/issuer: {fault}. Remove that folder; a new key is made.")
    scopes = options.scope or module_scopes(modules[options.label])
    for name, value in issuer.settings.items():
        print(f"{name.upper()}={value}", file=sys.stderr)
    print(issuer.issue(*scopes, subject=options.subject, lifetime_s=options.lifetime_s))


def _load_or_make(path: Path) -> rsa.RSAPrivateKey:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("it is not an RSA key")  # noqa: TRY004  # the file is wrong, not an argument
    return key


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("label", help="the label of a module: <domain>_<module>")
    parser.add_argument("--scope", action="append", help="repeat for several (default: all scopes of the module)")
    parser.add_argument("--subject", default="developer", help="who calls; the log's records have it")
    parser.add_argument("--lifetime-s", type=int, default=3600, help="seconds (default: 3600)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
