"""Odd values made fit for spans and log lines: nothing secret, nothing endless, nothing that an encoder refuses."""

import math
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from opentelemetry.util.types import AttributeValue

REDACTED: Final = "[redacted]"
TEXT_LIMIT: Final = 4096
ITEM_LIMIT: Final = 100
DEPTH_LIMIT: Final = 8
INTEGER_LIMIT: Final = 1 << 63  # OTLP and most readers of JSON hold 64 bits

_SECRET: Final = re.compile(
    r"passw(or)?d|passphrase|secret|token(?!s)|api[._ -]?key|access[._ -]?key|private[._ -]?key|credential|cookie"
    r"|authori[sz]ation|\bauth\b|\bjwt\b|csrf|session[._ -]?id|dsn|database[._ -]?url",
    re.IGNORECASE,
)

type Plain = str | int | float | bool | list[Plain] | dict[str, Plain] | None


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Say whether what bears the name should not be shown; `tokens_in` counts tokens and is none."""
    return _SECRET.search(name) is not None


def attribute(name: str, value: object) -> AttributeValue:
    """Return what a span may show of the value: a scalar, or a list of them."""
    if is_secret(name):
        return REDACTED
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes):
        return [_scalar(each) for each, _ in zip(value, range(ITEM_LIMIT), strict=False)]
    return _scalar(value)


def plain(value: object, *, depth: int = 0) -> Plain:
    """Return the value as JSON can hold it, secrets blotted out, cut off where it is too long or too deep."""
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        return _scalar(value)
    if depth == DEPTH_LIMIT:
        return f"… {type(value).__name__}"
    if isinstance(value, Mapping):
        return {
            (name := _text(key)): REDACTED if is_secret(name) else plain(item, depth=depth + 1)
            for (key, item), _ in zip(value.items(), range(ITEM_LIMIT), strict=False)
        }
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes):
        return [plain(item, depth=depth + 1) for item, _ in zip(value, range(ITEM_LIMIT), strict=False)]
    return _text(value)


def _scalar(value: object) -> str | int | float | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -INTEGER_LIMIT <= value < INTEGER_LIMIT else "an integer of more than 64 bits"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    return _text(value)


def _text(value: object) -> str:
    """Return the value as encodable text of a bounded length; never raises, whatever its `__str__` does."""
    try:
        text = str(value)[:TEXT_LIMIT]
    except Exception:  # noqa: BLE001  # somebody else's code
        return f"<{type(value).__name__}>"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
