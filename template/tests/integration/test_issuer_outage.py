"""A running service whose issuer goes away, comes back, and changes its keys."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client, Response

from embedded.child_process import free_port
from issue_token import LocalIssuer
from served import served
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings

MODULE = load_slice(SAMPLE_SLICE).module
SCOPE = f"{MODULE}:read"
PATIENCE_S = 30.0
PAUSE_S = 0.2  # longer than that of `short_pause_app`


class KeyServer:
    """The address of the issuer's keys; it can be away, and it counts."""

    def __init__(self) -> None:
        self.port = free_port()
        self.fetches = 0
        self.keys: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def publish(self, *issuers: LocalIssuer) -> None:
        """Have the keys of these issuers, and no others."""
        self.keys = [key for issuer in issuers for key in issuer.jwks["keys"]]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answer in the block; nothing listens outside of it."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetches += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": outer.keys}).encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


@contextmanager
def guarded_service(settings: Settings, issuer: LocalIssuer, keys: KeyServer) -> Iterator[Client]:
    """Yield a client of a process that accepts the tokens of the key server's keys."""
    known = {name.upper(): value for name, value in (issuer.settings | {"oidc_jwks_url": keys.url}).items()}
    app_dir = str(Path(__file__).parent)
    with (
        served(settings, "short_pause_app:app", "--app-dir", app_dir, **known) as port,
        Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


def ask(client: Client, issuer: LocalIssuer) -> Response:
    """Send a request with a token that the service has not seen."""
    token = issuer.issue(SCOPE, jti=str(time.monotonic_ns()))
    return client.get(f"/{MODULE}/modules", headers={"Authorization": f"Bearer {token}"})


def until_accepted(client: Client, issuer: LocalIssuer) -> None:
    """Return once a token of the issuer is accepted."""
    end = time.monotonic() + PATIENCE_S
    while ask(client, issuer).status_code != 200:
        assert time.monotonic() < end, "the service does not see that the issuer is back"
        time.sleep(0.05)


@pytest.mark.long
def test_a_service_goes_on_without_its_issuer_and_takes_its_new_key(
    settings: Settings, issuer: LocalIssuer, stranger: LocalIssuer, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = KeyServer()
    keys.publish(issuer)
    with guarded_service(settings, issuer, keys) as client:
        with keys.running():
            assert ask(client, issuer).status_code == 200
            assert ask(client, stranger).status_code == 401  # the issuer says that it has no such key

        time.sleep(PAUSE_S)
        refused = [ask(client, stranger) for _ in range(3)]
        assert [ask(client, issuer).status_code for _ in range(3)] == [200] * 3
        for answer in refused:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"] == "urn:cos:problem:issuer-keys-unavailable"

        keys.publish(stranger)  # it comes back with another key
        keys.fetches = 0
        with keys.running():
            until_accepted(client, stranger)
            assert keys.fetches == 1
            assert ask(client, issuer).status_code == 401

    said = "".join(capfd.readouterr())
    assert said.count("The keys of OIDC_ISSUER cannot be read") == 1
    assert "Traceback" not in said
