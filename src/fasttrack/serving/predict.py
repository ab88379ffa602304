"""`/predict`: read a request, score it, write the reply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import ClientDisconnect, Request  # FastAPI reads the annotation at run time
from starlette.responses import Response

from fasttrack.contract.decode import RefusedRequest
from fasttrack.serving.body import Unread, read_body
from fasttrack.serving.problems import body_refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.contract.decode import Batch
    from fasttrack.monitoring.metrics import ServingMetrics
    from fasttrack.serving.engine import Scores
    from fasttrack.serving.model import ModelSlot, ServedModel

__all__ = ["LARGE", "Predictor", "Reply"]

T = TypeVar("T")


class Reply(msgspec.Struct, frozen=True):
    """The reply to a prediction request: the body is JSON, of a status other than 200 a problem document."""

    status: int
    body: bytes

    def response(self) -> Response:
        """As FastAPI's routes return it."""
        return Response(self.body, self.status, media_type=self.media_type.decode())

    @property
    def media_type(self) -> bytes:
        """The content type."""
        return b"application/json" if self.status == 200 else b"application/problem+json"


class Predictor:
    """Answers prediction requests with the model that serves at that moment."""

    def __init__(self, slot: ModelSlot, metrics: ServingMetrics, *, max_body_bytes: int, threads: int) -> None:
        self._slot = slot
        self._metrics = metrics
        self.max_body_bytes = max_body_bytes
        self.threads = threads
        self._limiter: anyio.CapacityLimiter | None = None

    async def post(self, request: Request) -> Response:
        """`POST /predict`: one row, rows or columns as JSON."""
        model = self._slot.current
        try:
            body = await read_body(request, self.max_body_bytes)
        except Unread as unread:
            self._metrics.refused(model.bundle.manifest.name, unread.reason, {})
            return body_refusal(unread.reason, str(unread))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        return (await self.answer(model, body)).response()

    async def answer(self, model: ServedModel, body: bytes) -> Reply:
        """The reply to one body, scored by itself."""
        try:
            if len(body) > LARGE:
                batch = await self.in_thread(model.decoder.rows, body)
            else:
                batch = model.decoder.rows(body)
            scores = await self._score(model, batch)
            warnings = [*batch.warnings, *scores.warnings]
            if batch.single:
                return Reply(200, model.writer.row(scores, 0, warnings))
            if len(batch) > model.engine.inline_rows:
                return Reply(200, await self.in_thread(model.writer.rows, scores, warnings))
            return Reply(200, model.writer.rows(scores, warnings))
        except RefusedRequest as refused:
            return self._refuse(model, refused)

    async def get(self, request: Request) -> Response:
        """`GET /predict?column=value&…`: one row, read back in the reply."""
        model = self._slot.current
        try:
            batch = model.decoder.query(request.query_params.multi_items())
            scores = await self._score(model, batch)
        except RefusedRequest as refused:
            return self._refuse(model, refused).response()
        response = Reply(200, model.writer.query(batch, scores)).response()
        if scores.ids is not None:
            response.headers["prediction-id"] = scores.ids[0]
        return response

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

    async def _score(self, model: ServedModel, batch: Batch) -> Scores:
        if len(batch) > model.engine.inline_rows:
            return await self.in_thread(self.score, model, batch)
        return self.score(model, batch)

    def _refuse(self, model: ServedModel, refused: RefusedRequest) -> Reply:
        self._metrics.refused(model.bundle.manifest.name, refused.reason, refused.cells)
        return Reply(*refusal(refused))


LARGE = 64 * 1024
"""Bytes from which on a body is decoded off the event loop, where it would hold up other requests by milliseconds."""
