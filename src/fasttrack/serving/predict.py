"""Answering prediction requests: decode a body, score it, write the reply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread
import msgspec

from fasttrack.contract.decode import RefusedRequest
from fasttrack.serving.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.contract.decode import Batch
    from fasttrack.metrics.serving import ServingMetrics
    from fasttrack.scoring.engine import Scores
    from fasttrack.serving.model import ServedModel

__all__ = ["LARGE", "Predictor", "Reply"]

T = TypeVar("T")


class Reply(msgspec.Struct, frozen=True):
    """The reply to a prediction request: the body is JSON, of a status other than 200 a problem document."""

    status: int
    body: bytes

    @property
    def media_type(self) -> bytes:
        """The content type."""
        return b"application/json" if self.status == 200 else b"application/problem+json"


class Predictor:
    """Answers prediction requests with the model that serves at that moment."""

    def __init__(self, metrics: ServingMetrics, *, max_body_bytes: int, threads: int) -> None:
        self._metrics = metrics
        self.max_body_bytes = max_body_bytes
        self.threads = threads
        self._limiter: anyio.CapacityLimiter | None = None

    async def answer(self, model: ServedModel, body: bytes) -> Reply:
        """The reply to one body, scored by itself."""
        try:
            if len(body) > LARGE:
                batch = await self.in_thread(model.decoder.rows, body)
            else:
                batch = model.decoder.rows(body)
            scores = await self.score_soon(model, batch)
            warnings = [*batch.warnings, *scores.warnings]
            if batch.single:
                return Reply(200, model.writer.row(scores, 0, warnings))
            if len(batch) > model.engine.inline_rows:
                return Reply(200, await self.in_thread(model.writer.rows, scores, warnings))
            return Reply(200, model.writer.rows(scores, warnings))
        except RefusedRequest as refused:
            return self.refuse(model, refused)

    def score(self, model: ServedModel, batch: Batch) -> Scores:
        """One run of the model, counted. Raises RefusedRequest."""
        started = time.perf_counter()
        scores = model.engine.score(batch)
        counters = model.counters
        counters.ran(len(batch), len(scores.warnings), time.perf_counter() - started)
        if counters.drift is not None:
            counters.drift.seen(batch.matrix, scores.output)
        if model.recorder is not None:
            scores.ids = model.recorder.seen(batch, scores.output, scores.probabilities)
        return scores

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work` off the event loop, in one of as many threads as there are processors."""
        if self._limiter is None:  # a limiter belongs to the event loop it is made in
            self._limiter = anyio.CapacityLimiter(self.threads)
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)

    async def score_soon(self, model: ServedModel, batch: Batch) -> Scores:
        """As `score`, in a thread where it takes long."""
        if len(batch) > model.engine.inline_rows:
            return await self.in_thread(self.score, model, batch)
        return self.score(model, batch)

    def refuse(self, model: ServedModel, refused: RefusedRequest) -> Reply:
        """The reply to a request that cannot be scored, counted."""
        self._metrics.refused(model.bundle.manifest.name, refused.reason, refused.cells)
        return Reply(*refusal(refused))


LARGE = 64 * 1024
"""Bytes from which on a body is decoded off the event loop, where it would hold up other requests by milliseconds."""
