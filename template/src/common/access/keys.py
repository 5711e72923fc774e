"""The public keys of the issuer, kept in memory and fetched again when they are old or when a token names another.

While the key server does not answer, the keys that are known go on working.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from jwt import PyJWK, PyJWKClient, PyJWKSet

from src.common.access.refusals import InvalidTokenError, KeysUnavailableError
from src.common.config import Settings

MAX_AGE_S: Final = 300.0
# A token may name any key, so unknown names alone must not make the service ask the issuer all the time.
PAUSE_S: Final = 10.0
PAUSE_AFTER_FAILURE_S: Final = 1.0
FETCH_TIMEOUT_S: Final = 2.5  # a request is refused within 4 s
UNKNOWN_KEY: Final = "The token is signed with a key that its issuer does not publish. Ask for a new token."

log = logging.getLogger(__name__)

type Fetch = Callable[[], Sequence[PyJWK]]  # runs in a thread


class IssuerKeys:
    """The signing keys of one issuer by their id."""

    def __init__(self, fetch: Fetch, *, max_age_s: float = MAX_AGE_S, pause_s: float = PAUSE_S) -> None:
        self._fetch = fetch
        self._max_age_s = max_age_s
        self._pause_s = pause_s
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._is_away = False

    async def key_of(self, key_id: str | None) -> PyJWK:
        """Return the key with this id; without an id, the key of an issuer that has only one.

        Raises:
            InvalidTokenError: The issuer has no such key.
            KeysUnavailableError: The issuer's keys cannot be read.
        """
        key = self._find(key_id)
        if key is None:
            await self._fetch_now()
            key = self._find(key_id)
        elif time.monotonic() - self._fetched_at > self._max_age_s:
            self._start_fetch()
        if key is not None:
            return key
        if self._is_away or (self._fetching and not self._fetching.done()):
            raise KeysUnavailableError
        raise InvalidTokenError(UNKNOWN_KEY)

    def _find(self, key_id: str | None) -> PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _fetch_now(self) -> None:
        """Wait for a fetch, unless the last one was a moment ago; all callers wait for the same one."""
        self._start_fetch()
        if self._fetching and not self._fetching.done():
            await asyncio.wait({self._fetching}, timeout=FETCH_TIMEOUT_S)

    def _start_fetch(self) -> None:
        pause_s = PAUSE_AFTER_FAILURE_S if self._is_away else self._pause_s
        is_running = self._fetching is not None and not self._fetching.done()
        if not is_running and time.monotonic() - self._tried_at >= pause_s:
            self._fetching = asyncio.create_task(self._replace_keys())

    async def _replace_keys(self) -> None:
        try:
            keys = await asyncio.to_thread(self._fetch)
        except Exception as fault:  # noqa: BLE001  # whatever the issuer sends, the keys that are known go on working
            if not self._is_away:
                log.warning("The keys of OIDC_ISSUER cannot be read (%s: %s).", type(fault).__name__, fault)
            self._is_away = True
        else:
            self._keys = {key.key_id: key for key in keys}
            self._fetched_at = time.monotonic()
            self._is_away = False
        finally:
            self._tried_at = time.monotonic()


def fetch_from(settings: Settings) -> Fetch:
    """Return what reads the issuer's keys: from `OIDC_JWKS_URL`, else from the address that the issuer publishes."""

    def fetch() -> Sequence[PyJWK]:
        given = urlsplit(settings.oidc_jwks_url)
        if given.scheme == "file":
            return PyJWKSet.from_dict(json.loads(Path(url2pathname(given.path)).read_text())).keys
        return _client(settings.oidc_jwks_url or _discover(settings.oidc_issuer)).get_signing_keys()

    return fetch


def _discover(issuer: str) -> str:
    """Return the address of the keys, from the issuer's OpenID configuration."""
    published: dict[str, Any] = _client(f"{issuer.rstrip('/')}/.well-known/openid-configuration").fetch_data()
    if published.get("issuer") != issuer:
        raise ValueError("the OpenID configuration at OIDC_ISSUER names another issuer")
    return str(published["jwks_uri"])


def _client(url: str) -> PyJWKClient:
    return PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_S)
