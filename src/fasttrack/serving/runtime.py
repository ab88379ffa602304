"""What a server answers with: model, counters, journal and predictor, and their life from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from fasttrack.metrics.serving import ServingMetrics
from fasttrack.metrics.shared import shared_folder
from fasttrack.serving.http.lane import FastLane
from fasttrack.serving.journaling import open_journal
from fasttrack.serving.model import ModelSlot
from fasttrack.serving.predict import Predictor
from fasttrack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import ASGIApp

__all__ = ["Runtime"]

_SETTLE_SECONDS = 0.25
"""How often predictions are binned for drift. The ring of rows holds what comes meanwhile."""


class Runtime:
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
