"""RedisPubSub on a real server, which a test may freeze, kill and start again."""

import asyncio
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from embedded.child_process import free_port
from integration.common.conftest import Listen, Number
from redis_server import RedisServer, redis_server
from src.common.config import Settings
from src.common.pubsub import MESSAGE_LIMIT_BYTES, Message, RedisPubSub, RedisUnavailableError

CHANNEL = "test.numbers"
PASSWORD = "s3cret/p@ss"  # noqa: S105
IN_URL = "s3cret%2Fp%40ss"
NOBODY = ("--user", "default", "on", "nopass", "+ping")  # is asked whether the server has started
USERS = ("--user", "cos", "on", f">{PASSWORD}", "~*", "&*", "+@all", *NOBODY)
BAD_MESSAGES = [
    b"",
    b"not JSON",
    b"\xff\xfe\xfd",
    b'"a string"',
    b"[1, 2]",
    b"null",
    b'{"number": "1"}',
    b'{"number": 1.5}',
    b'{"version": 2, "number": 1}',
    b'{"version": "1", "number": 1}',
    b'{"module": "cc", "record_id": "01890a5d-ac96-774b-bcce-b302099a8057"}',
    b'{"number": ' + b"9" * 5000 + b"." + b"9" * 5000 + b"}",
    b"[" * 15_000,
    b'{"number": 1, "padding": "' + b"x" * 1024 * 1024 + b'"}',
]


class Note(Message):
    text: str


@pytest.fixture
def long_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow a call 5 s, which a busy machine may need to open many connections."""
    monkeypatch.setattr("src.common.pubsub.CALL_TIMEOUT_S", 5.0)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server for this test alone."""
    with redis_server() as server:
        yield server


@pytest.fixture
async def pubsub(server: RedisServer) -> AsyncIterator[RedisPubSub]:
    pubsub = pubsub_on(server.url)
    yield pubsub
    await pubsub.aclose()


def pubsub_on(url: str | None, *, pool_size: int = 32) -> RedisPubSub:
    return RedisPubSub(Settings(redis_url=SecretStr(url) if url else None, redis_pool_size=pool_size))


async def seconds_of_failing(pubsub: RedisPubSub) -> float:
    started = time.perf_counter()
    with pytest.raises(RedisUnavailableError):
        await pubsub.publish(CHANNEL, Number(number=0))
    return time.perf_counter() - started


async def test_typed_messages_arrive_in_the_order_in_which_they_were_published(
    redis_url: SecretStr, listen: Listen, counted: Counter[str]
) -> None:
    pubsub = pubsub_on(redis_url.get_secret_value())

    async with listen(pubsub, CHANNEL, "test.others") as listening:
        await pubsub.publish(CHANNEL, Number(number=1))
        await pubsub.publish_all([(CHANNEL, Number(number=2)), ("test.others", Number(number=3))])
        await listening.wait_until(lambda each: len(each.messages) == 3)
    await pubsub.aclose()

    assert listening.messages == [(CHANNEL, 1), (CHANNEL, 2), ("test.others", 3)]
    assert counted == {"cos.pubsub.published sent": 3, "cos.pubsub.received accepted": 3}


async def test_without_arguments_it_takes_the_settings_of_the_process(
    redis_url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.common.pubsub.get_settings", lambda: Settings(redis_url=redis_url))
    pubsub = RedisPubSub()

    health = await pubsub.health_check()
    await pubsub.publish(CHANNEL, Number(number=1))
    await pubsub.aclose()

    assert (health.status, health.breaker, health.detail) == ("up", "closed", None)
    assert (health.server or "").split()[0] in ("redis", "valkey")
    assert health.latency_ms is not None


@pytest.mark.parametrize(
    ("url", "status", "detail"),
    [
        (None, "absent", None),
        ("redis://127.0.0.1:1", "down", "ConnectionError"),
        ("redis://name.invalid", "down", "Error"),
        ("unix:///nowhere/socket", "down", "ConnectionError"),
        ("redis://127.0.0.1?socket_timeout=soon", "down", "an option that redis-py does not accept"),
        ("redis://127.0.0.1?no_such_option=1", "down", "an option that redis-py does not accept"),
    ],
)
async def test_health_never_raises(url: str | None, status: str, detail: str | None) -> None:
    pubsub = pubsub_on(url)

    health = await pubsub.health_check()

    assert health.status == status
    assert (detail or "") in (health.detail or "")


async def test_without_an_address_a_publish_says_so() -> None:
    with pytest.raises(RedisUnavailableError, match="REDIS_URL is not set"):
        await pubsub_on(None).publish(CHANNEL, Number(number=1))


async def test_a_frozen_server_fails_three_publishes_within_a_quarter_of_a_second_and_then_none_waits(
    server: RedisServer, pubsub: RedisPubSub, counted: Counter[str]
) -> None:
    await pubsub.publish(CHANNEL, Number(number=1))
    server.freeze()

    slow = [await seconds_of_failing(pubsub) for _ in range(3)]
    quick = [await seconds_of_failing(pubsub) for _ in range(20)]
    health = await pubsub.health_check()
    server.thaw()

    assert min(slow) < 0.25  # the least: a busy machine makes any of them longer
    assert min(quick) < 0.01
    assert (health.status, health.breaker) == ("down", "open")
    assert counted["cos.pubsub.published failed"] == 3
    assert counted["cos.pubsub.published refused"] == 20


async def test_a_breaker_that_opened_closes_when_the_server_is_well_again(
    server: RedisServer, pubsub: RedisPubSub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server.kill()
    for _ in range(3):
        await seconds_of_failing(pubsub)
    server.start()
    await seconds_of_failing(pubsub)
    monkeypatch.setattr(pubsub.breaker, "_clock", lambda: time.monotonic() + 30)

    for number in range(2):
        await pubsub.publish(CHANNEL, Number(number=number))

    assert pubsub.breaker.state == "closed"
    states = [record.message.split()[-1] for record in caplog.records]
    assert states == ["open.", "half-open.", "closed."]


@pytest.mark.usefixtures("long_time_limit")
async def test_more_publishes_at_once_than_the_pool_has_connections_wait_for_one(server: RedisServer) -> None:
    pubsub = pubsub_on(server.url, pool_size=2)

    await asyncio.gather(*[pubsub.publish(CHANNEL, Number(number=number)) for number in range(20)])
    health = await pubsub.health_check()
    await pubsub.aclose()

    assert (health.status, health.breaker, health.pool_size) == ("up", "closed", 2)


async def test_a_message_that_is_too_long_is_not_sent(pubsub: RedisPubSub) -> None:
    with pytest.raises(ValueError, match=f"at most {MESSAGE_LIMIT_BYTES} bytes"):
        await pubsub.publish(CHANNEL, Note(text="x" * MESSAGE_LIMIT_BYTES))

    assert pubsub.breaker.state == "closed"


async def test_bad_messages_are_counted_and_the_subscription_goes_on(
    server: RedisServer, pubsub: RedisPubSub, listen: Listen, counted: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    good = [b'{"version": 1, "number": %d}' % number for number in (3, 1, 1, 2)]  # out of order, one of them twice
    async with listen(pubsub, CHANNEL) as listening, Redis.from_url(server.url) as raw:
        for data in [*BAD_MESSAGES, *good]:
            await raw.publish(CHANNEL, data)
        await listening.wait_until(lambda each: len(each.messages) == len(good))

    assert listening.numbers == [3, 1, 1, 2]
    assert listening.confirmations == 1
    assert counted["cos.pubsub.received rejected"] == len(BAD_MESSAGES)
    assert caplog.records == []


@pytest.mark.parametrize("fault", ["killed by an administrator", "server restarted"])
async def test_a_subscription_that_was_lost_is_made_again(
    fault: str, server: RedisServer, pubsub: RedisPubSub, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    async with listen(pubsub, CHANNEL) as listening:
        if fault == "server restarted":
            server.kill()
            server.start()
        else:
            async with Redis.from_url(server.url) as raw:
                await raw.client_kill_filter(_type="pubsub")
        await listening.wait_until(lambda each: each.confirmations == 2)
        with suppress(RedisUnavailableError):  # the first finds the lost connection of the pool
            await pubsub.publish(CHANNEL, Number(number=1))
        await pubsub.publish(CHANNEL, Number(number=2))
        await listening.wait_until(lambda each: 2 in each.numbers)

    assert "The subscription to Redis was lost" in caplog.text


async def test_a_frozen_server_is_noticed_by_a_silent_subscription(
    server: RedisServer,
    pubsub: RedisPubSub,
    listen: Listen,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("src.common.pubsub.SILENCE_S", 0.1)
    async with listen(pubsub, CHANNEL) as listening:
        await asyncio.sleep(0.5)
        assert listening.confirmations == 1  # a silent server that answers is left alone

        server.freeze()
        await asyncio.sleep(0.5)
        server.thaw()
        await listening.wait_until(lambda each: each.confirmations == 2)

    assert "did not answer a ping" in caplog.text


async def test_no_password_is_in_a_message_a_log_line_or_health(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with redis_server(*USERS) as server:
        socket = server.url.removeprefix("unix://")
        good = pubsub_on(f"unix://cos:{IN_URL}@{socket}")
        async with listen(good, CHANNEL) as listening:
            await good.publish(CHANNEL, Number(number=1))
            await listening.wait_until(lambda each: each.numbers == [1])
        bad = pubsub_on(f"unix://cos:{IN_URL}x@{socket}")
        health = await bad.health_check()
        with pytest.raises(RedisUnavailableError) as refused:
            await bad.publish(CHANNEL, Number(number=1))
        await good.aclose()
        await bad.aclose()

    told = f"{health} {refused.value} {good.__dict__} {caplog.text}"
    assert health.status == "down"
    assert "invalid username-password pair" in (health.detail or "")
    assert "s3cret" not in told


@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server with TLS, a certificate of an authority of its own, and a user; the wheel has no TLS."""
    binaries = [path for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    openssl = shutil.which("openssl")
    if not binaries or not openssl:
        pytest.skip("no server with TLS on the PATH, or no openssl")
    new = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        "key.pem",
        "-out",
        "ca.pem",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*new, *names], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr("embedded.redis._server", lambda: Path(binaries[0]))
    port = free_port()
    files = [f"--tls-{kind}-file={tmp_path / name}" for kind, name in (("cert", "ca.pem"), ("key", "key.pem"))]
    options = [part for each in files for part in each.split("=")] + ["--tls-ca-cert-file", str(tmp_path / "ca.pem")]
    with redis_server("--tls-port", str(port), "--tls-auth-clients", "no", *options, *USERS):
        yield f"rediss://cos:{IN_URL}@localhost:{port}/0"


@pytest.mark.usefixtures("long_time_limit")
async def test_tls_with_an_authority_of_its_own_and_a_user(tls_server: str, listen: Listen, tmp_path: Path) -> None:
    trusting = pubsub_on(f"{tls_server}?ssl_ca_certs={tmp_path / 'ca.pem'}")
    strict = pubsub_on(tls_server)

    async with listen(trusting, CHANNEL) as listening:
        await trusting.publish(CHANNEL, Number(number=1))
        await listening.wait_until(lambda each: each.numbers == [1])
    accepted, rejected = await trusting.health_check(), await strict.health_check()
    await trusting.aclose()
    await strict.aclose()

    assert (accepted.status, rejected.status) == ("up", "down")
    assert "CERTIFICATE_VERIFY_FAILED" in (rejected.detail or "")
    assert "s3cret" not in f"{accepted} {rejected}"
