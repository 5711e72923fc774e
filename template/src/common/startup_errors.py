"""Report a failed start in one sentence if its reason is known; pure ASGI."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class StartupError(Exception):
    """The service cannot start; the message names the thing and the next step."""


class StartupErrorMiddleware:
    """Send the server the message of a `StartupError`; Starlette would send a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the lifespan; pass requests on."""
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
