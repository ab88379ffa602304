"""The app of `fasttrack serve`: the fast lane, and FastAPI's app from the first other request on.

Importing FastAPI takes longer than everything that a first prediction needs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from fasttrack.serving.runtime import Runtime

__all__ = ["Service"]


class Service:
    """An ASGI app with the replies of `fasttrack.serving.app`, which it imports for what is not a prediction."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.lane = runtime.lane(self._answer_by_fastapi)
        self._app: ASGIApp | None = None
        self._importing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or start and stop."""
        if scope["type"] == "lifespan":
            await self._run(receive, send)
        else:
            await self.lane(scope, receive, send)

    async def _answer_by_fastapi(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            async with self._importing:
                if self._app is None:
                    self._app = await asyncio.to_thread(self._build)
        await self._app(scope, receive, send)

    def _build(self) -> ASGIApp:
        from fasttrack.serving.app import build

        return build(self._runtime).answer_by_fastapi

    async def _run(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._runtime.lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})
