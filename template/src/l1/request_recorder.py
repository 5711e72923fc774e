"""Routes that record each changing request, with its answer's status, in the transaction of the request itself."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from src.db.connection import get_db_session
from src.l1.entries import Event, Log
from src.l1.record import write_record

RECORDED_METHODS: Final = {"POST", "PUT", "PATCH", "DELETE"}


def recording_route(log: Log) -> type[APIRoute]:
    """Return a route class that records `request.post` and its like, for `APIRouter(route_class=…)`.

    The record shares the session with a route that depends on `get_db_session` in function scope, so the change and
    its record are committed together. An exception rolls both back. The record holds path and status; bodies and
    queries are left out, because they may hold secrets.
    """

    class RecordingRoute(APIRoute):
        """A route whose changing requests are recorded."""

        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            self.is_recorded = not RECORDED_METHODS.isdisjoint(options.get("methods") or ())
            if self.is_recorded:
                options["dependencies"] = [*(options.get("dependencies") or ()), Depends(_keep_session)]
            super().__init__(path, endpoint, **options)

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Return FastAPI's handler, followed by the record; FastAPI commits after it."""
            handle = super().get_route_handler()

            async def handle_and_record(request: Request) -> Response:
                response: Response = await handle(request)
                if request.method in RECORDED_METHODS:
                    answer = {"path": request.scope["path"], "status": response.status_code}
                    event = Event(f"request.{request.method.lower()}", answer)
                    await write_record(request.state.recorder_session, log, [event])
                return response

            return handle_and_record if self.is_recorded else handle

    return RecordingRoute


async def _keep_session(
    request: Request, session: Annotated[AsyncSession, Depends(get_db_session, scope="function")]
) -> None:
    request.state.recorder_session = session
