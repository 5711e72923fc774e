import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from jwt import PyJWK, PyJWKSet

from issue_token import LocalIssuer
from src.common.access.keys import IssuerKeys, fetch_from
from src.common.access.refusals import InvalidTokenError, KeysUnavailableError
from src.common.config import Settings


class KeyServer:
    """What `IssuerKeys` fetches from; it counts, and it can be away or slow."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self.keys: Sequence[PyJWK] = PyJWKSet.from_dict(issuer.jwks).keys
        self.fetches = 0
        self.is_away = False
        self.takes_s = 0.0

    def fetch(self) -> Sequence[PyJWK]:
        self.fetches += 1
        time.sleep(self.takes_s)
        if self.is_away:
            raise ConnectionError("nobody answers")
        return self.keys


@pytest.fixture
def server(issuer: LocalIssuer) -> KeyServer:
    return KeyServer(issuer)


async def test_keys_are_fetched_once(server: KeyServer, issuer: LocalIssuer) -> None:
    keys = IssuerKeys(server.fetch)

    found = [await keys.key_of(issuer.key_id) for _ in range(3)]

    assert {key.key_id for key in found} == {issuer.key_id}
    assert server.fetches == 1


async def test_many_requests_at_once_wait_for_one_fetch(server: KeyServer, issuer: LocalIssuer) -> None:
    server.takes_s = 0.05
    keys = IssuerKeys(server.fetch)

    await asyncio.gather(*[keys.key_of(issuer.key_id) for _ in range(50)])

    assert server.fetches == 1


async def test_a_request_that_is_cancelled_leaves_the_fetch_to_the_others(
    server: KeyServer, issuer: LocalIssuer
) -> None:
    server.takes_s = 0.05
    keys = IssuerKeys(server.fetch)
    first = asyncio.create_task(keys.key_of(issuer.key_id))
    await asyncio.sleep(0.01)

    first.cancel()

    assert (await keys.key_of(issuer.key_id)).key_id == issuer.key_id
    assert server.fetches == 1


async def test_unknown_keys_are_asked_for_every_so_often(server: KeyServer, issuer: LocalIssuer) -> None:
    keys = IssuerKeys(server.fetch, pause_s=0.1)
    await keys.key_of(issuer.key_id)

    for number in range(100):
        with pytest.raises(InvalidTokenError, match="a key that its issuer does not publish"):
            await keys.key_of(f"unknown {number}")
    assert server.fetches == 1

    await asyncio.sleep(0.11)
    with pytest.raises(InvalidTokenError):
        await keys.key_of("unknown")
    assert server.fetches == 2


async def test_a_new_key_is_found_when_a_token_names_it(
    server: KeyServer, issuer: LocalIssuer, stranger: LocalIssuer
) -> None:
    keys = IssuerKeys(server.fetch, pause_s=0)
    await keys.key_of(issuer.key_id)

    server.keys = PyJWKSet.from_dict(stranger.jwks).keys

    assert (await keys.key_of(stranger.key_id)).key_id == stranger.key_id


async def test_without_keys_the_service_is_unavailable(server: KeyServer, issuer: LocalIssuer) -> None:
    server.is_away = True
    keys = IssuerKeys(server.fetch)

    for _ in range(10):
        with pytest.raises(KeysUnavailableError):
            await keys.key_of(issuer.key_id)

    assert server.fetches == 1  # not one for each request


async def test_a_key_server_that_comes_back_is_noticed(
    server: KeyServer, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.common.access.keys.PAUSE_AFTER_FAILURE_S", 0)
    server.is_away = True
    keys = IssuerKeys(server.fetch)
    with pytest.raises(KeysUnavailableError):
        await keys.key_of(issuer.key_id)

    server.is_away = False

    assert (await keys.key_of(issuer.key_id)).key_id == issuer.key_id


async def test_known_keys_work_while_the_key_server_is_away(
    server: KeyServer, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.common.access.keys.PAUSE_AFTER_FAILURE_S", 0)
    keys = IssuerKeys(server.fetch, max_age_s=0, pause_s=0)
    await keys.key_of(issuer.key_id)
    server.is_away = True

    for _ in range(5):
        assert (await keys.key_of(issuer.key_id)).key_id == issuer.key_id
        await asyncio.sleep(0.01)

    assert server.fetches > 2
    with pytest.raises(KeysUnavailableError):
        await keys.key_of("unknown")
    warnings = [record for record in caplog.records if record.name == "src.common.access.keys"]
    assert [record.getMessage() for record in warnings] == [
        "The keys of OIDC_ISSUER cannot be read (ConnectionError: nobody answers)."
    ]


async def test_known_keys_do_not_wait_for_a_slow_key_server(server: KeyServer, issuer: LocalIssuer) -> None:
    keys = IssuerKeys(server.fetch, max_age_s=0, pause_s=0)
    await keys.key_of(issuer.key_id)
    server.takes_s = 0.3

    started = time.perf_counter()
    assert (await keys.key_of(issuer.key_id)).key_id == issuer.key_id

    assert time.perf_counter() - started < 0.1
    assert keys._fetching
    await keys._fetching


async def test_a_request_does_not_wait_for_ever(
    server: KeyServer, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.common.access.keys.FETCH_TIMEOUT_S", 0.05)
    server.takes_s = 0.3
    keys = IssuerKeys(server.fetch)

    with pytest.raises(KeysUnavailableError):
        await keys.key_of(issuer.key_id)

    assert keys._fetching
    await keys._fetching
    assert (await keys.key_of(issuer.key_id)).key_id == issuer.key_id


type Answers = dict[str, tuple[int, dict[str, str], bytes]]  # status, headers and body by path
type Serve = Callable[[Answers], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve these answers by path on the loopback, and return the address."""
    servers = []

    def serve(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_keys_come_from_their_address(serve: Serve, issuer: LocalIssuer) -> None:
    url = serve({"/keys": (200, {}, json.dumps(issuer.jwks).encode())}) + "/keys"

    (key,) = fetch_from(Settings.model_validate({**issuer.settings, "oidc_jwks_url": url}))()

    assert key.key_id == issuer.key_id


def test_keys_come_from_a_file(issuer: LocalIssuer) -> None:
    (key,) = fetch_from(Settings.model_validate(issuer.settings))()

    assert key.key_id == issuer.key_id


def test_the_issuer_says_where_its_keys_are(serve: Serve, issuer: LocalIssuer) -> None:
    answers: Answers = {"/keys": (200, {}, json.dumps(issuer.jwks).encode())}
    url = serve(answers)
    published = {"issuer": url, "jwks_uri": f"{url}/keys"}
    answers["/.well-known/openid-configuration"] = (200, {}, json.dumps(published).encode())

    (key,) = fetch_from(Settings.model_validate({"oidc_issuer": url, "oidc_audience": "cos"}))()

    assert key.key_id == issuer.key_id


BAD_ANSWERS: Answers = {
    "an error": (500, {}, b""),
    "a page": (200, {}, b"<html>"),
    "nothing": (200, {}, b""),
    "a list": (200, {}, b"[]"),
    "no keys": (200, {}, b'{"keys": []}'),
    "keys of an unknown kind": (200, {}, b'{"keys": [{"kty": "exotic", "kid": "1"}]}'),
    "100,000 levels": (200, {}, b"[" * 100_000),
    "a redirect": (302, {"Location": "file:///etc/passwd"}, b""),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_an_issuer_that_answers_badly_is_away(serve: Serve, issuer: LocalIssuer, name: str) -> None:
    url = serve({"/keys": BAD_ANSWERS[name]}) + "/keys"
    keys = IssuerKeys(fetch_from(Settings.model_validate({**issuer.settings, "oidc_jwks_url": url})))

    with pytest.raises(KeysUnavailableError):
        await keys.key_of(issuer.key_id)


@pytest.mark.parametrize("published", [{"issuer": "https://other", "jwks_uri": "https://other"}, {}, [], 7])
async def test_a_configuration_that_names_another_issuer_is_not_used(serve: Serve, published: object) -> None:
    url = serve({"/.well-known/openid-configuration": (200, {}, json.dumps(published).encode())})
    keys = IssuerKeys(fetch_from(Settings.model_validate({"oidc_issuer": url, "oidc_audience": "cos"})))

    with pytest.raises(KeysUnavailableError):
        await keys.key_of("1")


async def test_an_issuer_cannot_name_a_file(serve: Serve, issuer: LocalIssuer) -> None:
    answers: Answers = {}
    url = serve(answers)
    published = {"issuer": url, "jwks_uri": issuer.settings["oidc_jwks_url"]}
    answers["/.well-known/openid-configuration"] = (200, {}, json.dumps(published).encode())
    keys = IssuerKeys(fetch_from(Settings.model_validate({"oidc_issuer": url, "oidc_audience": "cos"})))

    with pytest.raises(KeysUnavailableError):
        await keys.key_of(issuer.key_id)
