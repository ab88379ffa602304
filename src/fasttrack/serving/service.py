"""What `fasttrack serve` runs: the fast lane, and FastAPI's app once something else is asked for.

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
    """An ASGI app with the answers of `fasttrack.serving.app`, which it imports for what is no prediction."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.lane = runtime.lane(self._behind)
        self._routes: ASGIApp | None = None
        self._importing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self.lane(scope, receive, send)

    async def _behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._routes is None:
            async with self._importing:
                if self._routes is None:
                    self._routes = await asyncio.to_thread(self._import)
        await self._routes(scope, receive, send)

    def _import(self) -> ASGIApp:
        from fasttrack.serving.app import build

        return build(self._runtime).behind_the_lane

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._runtime.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})
