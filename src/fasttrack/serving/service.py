"""What `fasttrack serve` runs: the fast lane, and FastAPI's app once something else is asked for.

Importing FastAPI takes longer than everything that a first prediction needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from fasttrack.monitoring.metrics import ServingMetrics
from fasttrack.monitoring.shared import shared_folder
from fasttrack.serving.journaling import open_journal
from fasttrack.serving.lane import FastLane
from fasttrack.serving.model import ModelSlot
from fasttrack.serving.predict import Predictor
from fasttrack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Parts", "Service"]

_SETTLE_SECONDS = 0.25
"""How often predictions are binned for drift. The ring of rows holds what comes meanwhile."""


class Parts:
    """What answers are made with. The model is loaded when the service starts, so that building it has no side effect.

    Without `settings` they come from the `FASTTRACK_*` environment variables. `clock` tells when a prediction is made,
    in seconds since 1970 UTC: a replay of the past brings its own. Raises ConfigError for a setting that cannot be
    used.
    """

    def __init__(self, settings: Settings | None = None, clock: Callable[[], float] = time.time) -> None:
        settings = settings or Settings.from_environment()
        self.metrics = ServingMetrics(shared_folder(settings.metrics_dir))
        self.journal = open_journal(settings, self.metrics, clock)
        self.slot = ModelSlot(settings, self.metrics, self.journal)
        self.predictor = Predictor(self.metrics, max_body_bytes=settings.max_body_bytes, threads=os.cpu_count() or 1)

    def lane(self, behind: ASGIApp) -> FastLane:
        """The fast lane in front of the app that takes all other requests."""
        return FastLane(behind, slot=self.slot, predictor=self.predictor, traffic=self.metrics.traffic)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load the model, and follow its promotions. Raises what `ModelSlot.load` does."""
        self.slot.load()
        if self.journal is not None:
            self.journal.start()
        tasks = [asyncio.create_task(self.slot.follow()), asyncio.create_task(self._settle())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.journal is not None:
            await asyncio.to_thread(self.journal.stop)

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(_SETTLE_SECONDS)
            if self.metrics.unsettled():
                await asyncio.to_thread(self.metrics.settle)


class Service:
    """An ASGI app with the answers of `fasttrack.serving.app`, which it imports for what is no prediction."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.lane = parts.lane(self._behind)
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

        return build(self._parts).behind_the_lane

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._parts.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})
