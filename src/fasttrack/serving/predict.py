"""Answering prediction requests: decode a body, score it, notify the observers, write the reply."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from fasttrack.contract.decode import RefusedRequest
from fasttrack.scoring.observer import Scored
from fasttrack.serving.problems import refusal_problem
from fasttrack.serving.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.contract.decode import Batch
    from fasttrack.metrics.serving import ServingMetrics
    from fasttrack.serving.live_model import LiveModel

__all__ = ["LARGE_BYTES", "Predictor"]

T = TypeVar("T")
_log = logging.getLogger("fasttrack")

LARGE_BYTES = 64 * 1024
"""A body longer than this is decoded off the event loop, where it would hold up other requests by milliseconds."""


class Predictor:
    """Answers prediction requests with the model that serves at that moment."""

    def __init__(self, metrics: ServingMetrics, *, max_body_bytes: int, threads: int) -> None:
        self._metrics = metrics
        self.max_body_bytes = max_body_bytes
        self.threads = threads
        self._limiter: anyio.CapacityLimiter | None = None
        self._failed: dict[int, object] = {}
        """Observers whose failure was logged, by id; kept, so that no other object gets the id."""

    async def answer(self, live: LiveModel, body: bytes) -> Reply:
        """The reply to one body, which is scored by itself."""
        decoder = live.model.decoder
        try:
            if len(body) > LARGE_BYTES:  # also of one row: a long text takes long
                batch = await self.in_thread(decoder.rows, body)
                event = await self.in_thread(self.score, live, batch)
            else:
                batch = decoder.rows(body)
                event = await self.score_soon(live, batch)
        except RefusedRequest as refused:
            return self.refuse(live, refused)
        warnings = [*batch.warnings, *event.predictions.warnings]
        if batch.single:
            return Reply(200, live.writer.row(event, 0, warnings))
        if len(batch) > live.model.engine.inline_rows:
            return Reply(200, await self.in_thread(live.writer.rows, event, warnings))
        return Reply(200, live.writer.rows(event, warnings))

    def score(self, live: LiveModel, batch: Batch) -> Scored:
        """One run of the model, whose event all observers get. Raises RefusedRequest."""
        started = time.perf_counter()
        predictions = live.model.engine.score(batch)
        seconds = time.perf_counter() - started
        ids = None
        if live.recorder is not None:  # before the observers: the journal decides what it records, and gives the ids
            try:
                ids = live.recorder.record(batch, predictions.output, predictions.probabilities)
            except Exception as error:  # noqa: BLE001  # a prediction that cannot be recorded is answered all the same
                self._report_failure(live.recorder, error)
        event = Scored(live.model, batch, predictions, ids, seconds)
        for observer in live.observers:
            try:
                observer.scored(event)
            except Exception as error:  # noqa: BLE001  # observers may be the user's: none may cost a reply
                self._report_failure(observer, error)
        return event

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work` off the event loop, in one of as many threads as there are processors."""
        if self._limiter is None:  # a limiter belongs to the event loop it is made in
            self._limiter = anyio.CapacityLimiter(self.threads)
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)

    async def score_soon(self, live: LiveModel, batch: Batch) -> Scored:
        """As `score`, in a thread where it takes long."""
        if len(batch) > live.model.engine.inline_rows:
            return await self.in_thread(self.score, live, batch)
        return self.score(live, batch)

    def refuse(self, live: LiveModel, refused: RefusedRequest) -> Reply:
        """The reply to a request that cannot be scored, which is counted."""
        self._metrics.count_refusal(live.model.name, refused.reason, refused.cells)
        return Reply(*refusal_problem(refused))

    def _report_failure(self, observer: object, error: Exception) -> None:
        name = type(observer).__name__
        self._metrics.count_observer_failure(name)
        if id(observer) not in self._failed:
            self._failed[id(observer)] = observer
            _log.error("the observer %s failed; further failures are counted, not logged", name, exc_info=error)
