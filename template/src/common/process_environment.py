"""The environment of the process as a library should find it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def process_environment(**changes: str | None) -> Iterator[None]:
    """Set variables, or hide those that are None, from libraries that read the environment inside the block."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        _apply(changes)
        yield
    finally:
        _apply(before)


def _apply(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
