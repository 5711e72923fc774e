import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from src.common.request_body import RequestBodyLimits, holds_more_values


async def read_body(_scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads the whole body, and then waits for the client to leave."""
    while (message := await receive())["type"] == "http.request":
        await send(message)


def sender(*pauses_s: float) -> Receive:
    """A client that pauses before each byte of its body, and then leaves."""
    remaining = list(pauses_s)

    async def receive() -> Message:
        if not remaining:
            await asyncio.sleep(0.1)  # longer than the limit: after the body, nobody is in a hurry
            return {"type": "http.disconnect"}
        await asyncio.sleep(remaining.pop(0))
        return {"type": "http.request", "body": b"x", "more_body": bool(remaining)}

    return receive


async def received(receive: Receive, *, kind: str = "http", announced: bytes = b"") -> list[Message]:
    """Return what of the body reaches an application that takes 50 bytes within 50 ms."""
    messages: list[Message] = []

    async def collect(message: Message) -> None:
        messages.append(message)

    scope = {"type": kind, "headers": [(b"content-length", announced)] if announced else []}
    await RequestBodyLimits(read_body, limit_bytes=50, timeout_s=0.05)(scope, receive, collect)
    return messages


async def test_a_body_within_the_limits_passes() -> None:
    assert len(await received(sender(0, 0.01, 0.01), announced=b"3")) == 3


async def test_a_body_of_just_the_limit_passes() -> None:
    assert len(await received(sender(*[0] * 50), announced=b"50")) == 50


async def test_a_body_that_stops_half_way_is_refused() -> None:
    with pytest.raises(HTTPException, match=r"did not arrive within 0\.05 s") as refusal:
        await received(sender(0, 10))

    assert refusal.value.status_code == 408


async def test_a_body_that_drips_is_refused_though_each_part_is_quick() -> None:
    with pytest.raises(HTTPException, match="did not arrive"):
        await received(sender(*[0.01] * 40))


async def test_a_body_that_grows_past_the_limit_is_refused() -> None:
    with pytest.raises(HTTPException, match="larger than 50 bytes") as refusal:
        await received(sender(*[0] * 51))

    assert refusal.value.status_code == 413


async def test_a_body_that_announces_too_much_is_refused_before_it_is_read() -> None:
    async def unread() -> Message:
        raise AssertionError

    with pytest.raises(HTTPException, match="larger than 50 bytes"):
        await received(unread, announced=b"51")


async def test_a_websocket_may_be_silent() -> None:
    assert await received(sender(), kind="websocket") == []


@pytest.mark.parametrize(
    ("body", "is_over"),
    [
        (b'{"a":1,"b":2,"c":3}', False),
        (b'{"a":1,"b":2,"c":3,"d":4}', True),
        (b"[[[[1]]]]", True),
        (b'{"a":"a,b,c,d,[,[,{"}', False),
        (rb'{"a":"\"a,b,c,\\\",d"}', False),
        (rb'{"a":"\\",' + b"1," * 4, True),
        (b'["a,","b,","c,","d,"]', True),
        (b'"' * 20 + b",,,,,", True),
        (b"", False),
    ],
    ids=str,
)
@pytest.mark.parametrize("chunk_size", [1, 3, 100])
async def test_values_are_counted_and_characters_in_texts_are_not(body: bytes, is_over: bool, chunk_size: int) -> None:  # noqa: FBT001  # parametrized
    chunks = [body[start : start + chunk_size] for start in range(0, len(body), chunk_size)]

    assert await holds_more_values(chunks, limit=3) is is_over
