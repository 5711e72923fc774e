"""A start that fails for a known reason says so in one sentence; pure ASGI."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class StartupError(Exception):
    """The service cannot start; the message names the thing and the next step."""


class StartupErrorMiddleware:
    """Hand the server the sentence of a `StartupError` where Starlette would hand it a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch the lifespan alone; requests pass through."""
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        failure: Message = {}

        async def withhold_failure(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                failure.update(message)
            else:
                await send(message)

        try:
            await self.app(scope, receive, withhold_failure)
        except StartupError as known:
            await send({"type": "lifespan.startup.failed", "message": str(known)})
        except BaseException:
            if failure:
                await send(failure)
            raise
