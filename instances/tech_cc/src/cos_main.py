"""The entry: `uvicorn src.cos_main:app` serves the modules that `SLICES` lists."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from src.common.config import Settings

    app: FastAPI

# The generator keeps an entry for each module here, sorted; entries of your own may stand among them.
SLICES: list[str] = [
    "src.backend.cc",
]
# End of the slices.


def create_app(settings: "Settings") -> "FastAPI":
    """Return an application that serves the slices; `src/application.py` builds it."""
    from src.application import build_app  # noqa: PLC0415  # scripts import this file to read SLICES alone

    return build_app(settings, SLICES)


def __getattr__(name: str) -> object:
    """Build `app` when it is first used: the server needs it, a script that reads `SLICES` does not."""
    if name != "app":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from src.common.config import settings_or_exit  # noqa: PLC0415

    globals()["app"] = create_app(settings_or_exit(modules=len(SLICES)))
    return globals()["app"]
