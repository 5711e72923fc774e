"""What the host needs to know of a slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module

from fastapi import APIRouter, FastAPI

from common.errors import problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A vertical slice: everything of it is reached under `/<module>`."""

    module: str
    label: str
    routers: Sequence[APIRouter]

    def mount(self, app: FastAPI) -> None:
        """Add the slice's routes."""
        for router in self.routers:
            app.include_router(
                router, prefix=f"/{self.module}", tags=[self.module], responses=problems(HTTPStatus.SERVICE_UNAVAILABLE)
            )


def load_slice(package: str) -> Slice:
    """Return the `SLICE` of a package under `backend`, imported by name."""
    part = import_module(package).SLICE
    assert isinstance(part, Slice), f"{package}.SLICE is not a Slice"
    return part
