"""Redis pub/sub: typed messages, published through a circuit breaker, and received again after every lost connection.

Redis keeps no message. A consumer that must not miss one reads the log in PostgreSQL (`src/highway`); a message is a
signal to read it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterPubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from src.common.circuit_breaker import CircuitBreaker, CircuitOpenError, State
from src.common.config import Settings, get_settings
from src.common.errors import UnavailableError
from src.common.telemetry.metrics import Counts, Durations, Gauge
from src.common.tracing import span

MESSAGE_LIMIT_BYTES: Final = 16 * 1024
# redis-py's defaults let one publish wait 59 s for a server that does not answer.
CALL_TIMEOUT_S: Final = 0.2
CLOSE_TIMEOUT_S: Final = 1.0
SILENCE_S: Final = 5.0  # after that long without a message, the connection is tested
SHARD_TURN_S: Final = 0.02  # the nodes of a cluster are asked for messages in turn
SUBSCRIPTIONS_MAX: Final = 64
FIRST_PAUSE_S: Final = 0.05
PAUSE_LIMIT_S: Final = 1.0
FAULTS: Final = (RedisError, RedisClusterException, OSError)  # TimeoutError is an OSError
KINDS: Final = {"subscribe": "subscribe", "ssubscribe": "subscribe", "message": "message", "smessage": "message"}
BREAKER_STATES: Final[dict[State, int]] = {"closed": 0, "half-open": 1, "open": 2}

log = logging.getLogger(__name__)
publish_duration = Durations("cos.pubsub.publish.duration", "How long Redis took to accept messages.")
published = Counts("cos.pubsub.published", "Messages by outcome: sent, failed, refused by the breaker, or dropped.")
received = Counts("cos.pubsub.received", "Messages by outcome: accepted, or rejected because they break a rule.")
breaker_state = Gauge("cos.pubsub.breaker", "State of the circuit breaker: 0 closed, 1 half-open, 2 open.")


class RedisUnavailableError(UnavailableError):
    """Redis did not accept the message, or was not asked because it failed several times before."""

    problem_type = "redis-unavailable"


class Message(BaseModel):
    """A message; a subclass names its fields. Receivers reject a version that they do not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    version: Literal[1] = 1


class PubSubHealth(BaseModel):
    """The state of the connection to Redis; `absent` if REDIS_URL is not set."""

    status: Literal["up", "down", "absent"]
    breaker: State
    latency_ms: float | None = None
    pool_in_use: int = 0
    pool_size: int = 0
    server: str | None = None
    detail: str | None = None


class RedisPubSub:
    """Publish and receive messages. Connects when first used; `aclose` ends it.

    Args:
        settings: REDIS_URL and the size of the pool; by default the settings of the process.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or get_settings()
        self._client: Redis | RedisCluster | None = None
        self._subscriptions: Redis | RedisCluster | None = None
        self._in_use = 0
        self._is_free = asyncio.Event()
        self.breaker = CircuitBreaker(counted=FAULTS, on_change=self._log_change)
        breaker_state.sources.add(self._observe_breaker)

    @property
    def is_configured(self) -> bool:
        """Whether REDIS_URL is set."""
        return self._settings.redis_url is not None

    async def publish(self, channel: str, message: Message) -> None:
        """Send a message to those who listen now.

        Raises:
            ValueError: The message is longer than 16 KiB.
            RedisUnavailableError: Redis did not accept it within 0.2 s, or the circuit breaker is open.
        """
        with span("publish", layer="service", **{"messaging.destination.name": channel}):
            await self.publish_all([(channel, message)])

    async def publish_all(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Send messages in their order, in one round trip; the same errors as `publish`."""
        encoded = [(channel, encode(message)) for channel, message in messages]
        try:
            if self._in_use >= self._settings.redis_pool_size:
                await self._wait_for_connection()
            self._in_use += 1
            try:
                with self.breaker.attempt():
                    started = time.perf_counter()
                    await self._send(encoded)
            finally:
                self._in_use -= 1
                self._is_free.set()
        except CircuitOpenError as refused:
            published.add(len(encoded), outcome="refused")
            raise RedisUnavailableError(f"Redis failed several times. {refused}") from refused
        except FAULTS as fault:
            published.add(len(encoded), outcome="failed")
            raise RedisUnavailableError(f"Redis did not accept a message ({_name(fault)}). Try again.") from fault
        publish_duration.record(time.perf_counter() - started)
        published.add(len(encoded), outcome="sent")

    async def listen[M: Message](
        self, channels: Sequence[str], message_type: type[M], *, on_subscribed: Callable[[], None] | None = None
    ) -> AsyncGenerator[tuple[str, M]]:
        """Yield each message with its channel, until the generator is closed; connect again after every fault.

        Messages that break a rule are counted and skipped: not JSON, too long, of an unknown version or type.

        Args:
            channels: Names, not patterns.
            message_type: The type that the messages must have.
            on_subscribed: Called each time Redis confirms a subscription. What was published before is lost.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with aclosing(self._listen_once(channels)) as replies:
                    async for kind, channel, data in replies:
                        pause_s = FIRST_PAUSE_S
                        if kind == "subscribe" and on_subscribed:
                            on_subscribed()
                        if kind == "message" and (message := decode(data, message_type)):
                            yield channel, message
            except FAULTS as fault:
                if isinstance(self._subscriptions, RedisCluster):
                    await self._subscriptions.aclose()  # the channels may belong to other nodes from now on
                if pause_s == FIRST_PAUSE_S:
                    log.warning("The subscription to Redis was lost (%s). It is tried until it works.", _name(fault))
                await asyncio.sleep(pause_s)
                pause_s = min(PAUSE_LIMIT_S, pause_s * 2)

    async def health_check(self) -> PubSubHealth:
        """Return whether Redis answers now, how fast, and the state of breaker and pool; never raise."""
        if not self.is_configured:
            return PubSubHealth(status="absent", breaker=self.breaker.state)
        started = time.perf_counter()
        health = PubSubHealth(
            status="up",
            breaker=self.breaker.state,
            pool_in_use=self._in_use,
            pool_size=self._settings.redis_pool_size,
        )
        try:
            client = self._connected()
            async with asyncio.timeout(2 * CALL_TIMEOUT_S):
                server = await (_ask_nodes(client) if isinstance(client, RedisCluster) else _ask(client))
        except Exception as fault:  # noqa: BLE001  # whatever it is, health reports it
            return health.model_copy(update={"status": "down", "detail": _name(fault)})
        latency_ms = round((time.perf_counter() - started) * 1000, 3)
        return health.model_copy(update={"latency_ms": latency_ms, "server": server})

    async def aclose(self) -> None:
        """Close all connections; the object can be used again afterwards."""
        breaker_state.sources.discard(self._observe_breaker)
        clients = [client for client in (self._client, self._subscriptions) if client]
        self._client = self._subscriptions = None
        for client in clients:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await client.aclose()
            except FAULTS as fault:
                log.warning("A connection to Redis did not close: %s", _name(fault))

    async def _wait_for_connection(self) -> None:
        """Wait for a free connection: redis-py fails at once if there is none, though Redis is well."""
        async with asyncio.timeout(CALL_TIMEOUT_S):
            while self._in_use >= self._settings.redis_pool_size:
                self._is_free.clear()
                await self._is_free.wait()

    def _send(self, encoded: Sequence[tuple[str, bytes]]) -> Awaitable[object]:
        client = self._connected()
        if isinstance(client, RedisCluster):
            return _send_to_nodes(client, encoded)
        return client.publish(*encoded[0]) if len(encoded) == 1 else _send_at_once(client, encoded)

    async def _listen_once(self, channels: Sequence[str]) -> AsyncGenerator[tuple[str, str, bytes]]:
        """Yield (kind, channel, data) until the connection is lost; a silent server must answer a ping."""
        if self._subscriptions is None:
            self._subscriptions = self._new_client(pool_size=SUBSCRIPTIONS_MAX)
        if isinstance(self._subscriptions, RedisCluster):
            await self._subscriptions.initialize()
        async with self._subscriptions.pubsub() as subscription:
            await _subscribe(subscription, channels)
            is_asked = False
            while True:
                reply = await _next_reply(subscription)
                if reply is None:
                    if is_asked:
                        raise TimeoutError("Redis did not answer a ping.")
                    await _ping(subscription)
                is_asked = reply is None
                if reply and (kind := KINDS.get(reply["type"])):
                    yield kind, reply["channel"].decode(), reply["data"]

    def _connected(self) -> Redis | RedisCluster:
        if self._client is None:
            self._client = self._new_client(pool_size=self._settings.redis_pool_size)
        return self._client

    def _new_client(self, *, pool_size: int) -> Redis | RedisCluster:
        if self._settings.redis_url is None:
            raise RedisError("REDIS_URL is not set")
        options: dict[str, Any] = {
            "max_connections": pool_size,
            "socket_timeout": CALL_TIMEOUT_S,
            "socket_connect_timeout": CALL_TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),
        }
        url = self._settings.redis_url.get_secret_value()
        try:
            if self._settings.redis_sharded:
                return RedisCluster.from_url(url, **options)
            client = Redis.from_url(url, **options)
            client.connection_pool.make_connection()  # it takes the options, and does not connect yet
        except (TypeError, ValueError):  # the message may contain a part of the address
            raise RedisError("REDIS_URL has an option that redis-py does not accept") from None
        return client

    def _log_change(self, state: State) -> None:
        log.log(logging.WARNING if state == "open" else logging.INFO, "The circuit breaker of Redis is %s.", state)

    def _observe_breaker(self) -> tuple[float, dict[str, str]]:
        return BREAKER_STATES[self.breaker.state], {}


def encode(message: Message) -> bytes:
    """Return the message as JSON.

    Raises:
        ValueError: It is longer than 16 KiB.
    """
    data = message.model_dump_json().encode()
    if len(data) > MESSAGE_LIMIT_BYTES:
        raise ValueError(f"A message has at most {MESSAGE_LIMIT_BYTES} bytes, not {len(data)}. Send a record's id.")
    return data


def decode[M: Message](data: bytes, message_type: type[M]) -> M | None:
    """Return the message, or None if it breaks a rule; both are counted."""
    message = None
    if len(data) <= MESSAGE_LIMIT_BYTES:
        with suppress(ValidationError):
            message = message_type.model_validate_json(data)
    received.add(outcome="accepted" if message else "rejected")
    return message


async def _send_at_once(client: Redis, encoded: Sequence[tuple[str, bytes]]) -> None:
    async with client.pipeline(transaction=False) as pipeline:
        for channel, data in encoded:
            pipeline.publish(channel, data)
        await pipeline.execute()


async def _send_to_nodes(client: RedisCluster, encoded: Sequence[tuple[str, bytes]]) -> None:
    async with asyncio.timeout(CALL_TIMEOUT_S):  # a client of a cluster tries one node after the other
        for channel, data in encoded:
            await client.spublish(channel, data)


async def _ask(client: Redis) -> str:
    """Return name and version of the server that answers a ping."""
    await client.ping()
    information: dict[str, Any] = await client.info("server")
    name = "valkey" if "valkey_version" in information else "redis"
    return f"{name} {information[f'{name}_version']}"


async def _ask_nodes(client: RedisCluster) -> str:
    """Return how many nodes the cluster has, all of which answer a ping.

    Raises:
        RedisError: The message names those that do not answer.
    """
    await client.initialize()
    nodes = {node.name: node for node in client.get_nodes()}
    replies = await asyncio.gather(*(node.execute_command("PING") for node in nodes.values()), return_exceptions=True)
    silent = [name for name, reply in zip(nodes, replies, strict=True) if isinstance(reply, BaseException)]
    if silent:
        raise RedisError(f"{len(silent)} of {len(nodes)} nodes do not answer: {', '.join(sorted(silent))}")
    return f"cluster of {len(nodes)} nodes: {', '.join(sorted(nodes))}"


async def _subscribe(subscription: PubSub, channels: Sequence[str]) -> None:
    if isinstance(subscription, ClusterPubSub):
        for channel in channels:  # each may be on another node
            await subscription.ssubscribe(channel)
    else:
        await subscription.subscribe(*channels)


async def _next_reply(subscription: PubSub) -> dict[str, Any] | None:
    """Return the next reply of Redis, or None after some time without one."""
    reply: dict[str, Any] | None = None
    if isinstance(subscription, ClusterPubSub):
        turn_s = SILENCE_S if len(subscription.node_pubsub_mapping) == 1 else SHARD_TURN_S
        end = time.monotonic() + SILENCE_S
        while reply is None and time.monotonic() < end:
            reply = await subscription.get_sharded_message(timeout=turn_s)
    else:
        reply = await subscription.get_message(timeout=SILENCE_S)
    return reply


async def _ping(subscription: PubSub) -> None:
    connections = (
        subscription.node_pubsub_mapping.values() if isinstance(subscription, ClusterPubSub) else [subscription]
    )
    for each in connections:
        await each.ping()


def _name(fault: Exception) -> str:
    """Return the kind of the fault and its message, which holds neither user nor password."""
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
