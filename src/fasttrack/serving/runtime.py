"""The parts of a server and their lifespan: model, counters, journal, guards and predictor."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from fasttrack.metrics.serving import ServingMetrics
from fasttrack.metrics.shared_folder import shared_folder
from fasttrack.processors import available_processors
from fasttrack.serving.access import Guards
from fasttrack.serving.access_log import hide_queries
from fasttrack.serving.http.lane import FastLane
from fasttrack.serving.journaling import open_journal
from fasttrack.serving.live_model import ModelHolder
from fasttrack.serving.load_extensions import load_extensions
from fasttrack.serving.predict import Predictor
from fasttrack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from starlette.types import ASGIApp

    from fasttrack.scoring.observer import Observer
    from fasttrack.serving.access import Guard

__all__ = ["Runtime"]

_log = logging.getLogger("fasttrack")

_SETTLE_SECONDS = 0.25
"""How often predictions are binned for drift; until then they are in a ring of rows."""


class Runtime:
    """The parts of one server. The model is loaded when the service starts, so building this has no side effect.

    `settings`: by default those of the `FASTTRACK_*` environment variables. `clock`: the time of a prediction in
    seconds since 1970 UTC, for a replay of the past. `guards` are asked before each request is answered, and
    `observers` get the event of each run, both after those that the settings name. Raises ConfigError for a setting
    that cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.time,
        *,
        guards: Sequence[Guard] = (),
        observers: Sequence[Observer] = (),
    ) -> None:
        settings = settings or Settings.from_environment()
        self.guards = Guards([*load_extensions("FASTTRACK_GUARDS", settings.guards, "check"), *guards])
        observers = [*load_extensions("FASTTRACK_OBSERVERS", settings.observers, "scored"), *observers]
        self.metrics = ServingMetrics(shared_folder(settings.metrics_dir))
        self.journal = open_journal(settings, self.metrics, clock)
        self.models = ModelHolder(settings, self.metrics, self.journal, observers)
        self.predictor = Predictor(self.metrics, max_body_bytes=settings.max_body_bytes, threads=available_processors())

    def lane(self, app: ASGIApp) -> FastLane:
        """The fast lane in front of `app`, which takes all other requests."""
        return FastLane(
            app, models=self.models, predictor=self.predictor, traffic=self.metrics.traffic, guards=self.guards
        )

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Load the model, and follow promotions until the end. Raises as `ModelHolder.load` does."""
        hide_queries()
        self.models.load()
        if self.journal is not None:
            self.journal.start()
        tasks = [asyncio.create_task(self.models.follow()), asyncio.create_task(self._settle())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.journal is not None:
                await asyncio.to_thread(self.journal.stop)

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(_SETTLE_SECONDS)
            try:
                if self.metrics.has_unbinned_rows():
                    await asyncio.to_thread(self.metrics.bin_rows)
            except Exception:  # noqa: BLE001  # the rows wait for the next turn
                _log.exception("rows could not be binned for drift")
