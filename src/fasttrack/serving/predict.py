"""`/predict`: read a request, score it, write the reply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import ClientDisconnect, Request  # FastAPI reads the annotation at run time
from starlette.responses import Response

from fasttrack.contract.decode import RefusedRequest, iso
from fasttrack.contract.openapi import label_key
from fasttrack.serving.problems import body_refusal, refusal

if TYPE_CHECKING:
    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract, Label, Scalar
    from fasttrack.monitoring.metrics import ServingMetrics
    from fasttrack.serving.engine import Scores
    from fasttrack.serving.model import ModelSlot, ServedModel

__all__ = ["Predictor"]


class Predictor:
    """Answers prediction requests with the model that serves at that moment."""

    def __init__(self, slot: ModelSlot, metrics: ServingMetrics, *, max_body_bytes: int, threads: int) -> None:
        self._slot = slot
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._threads = threads
        self._limiter: anyio.CapacityLimiter | None = None

    async def post(self, request: Request) -> Response:
        """`POST /predict`: one row, rows or columns as JSON."""
        model = self._slot.current
        try:
            body = await _read(request, self._max_body_bytes)
        except _Unread as unread:
            self._metrics.refused_requests.labels(model.bundle.manifest.name, "too-large").inc()
            return body_refusal(unread.reason, str(unread))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        try:
            if len(body) > _LARGE:
                batch = await self._in_thread(model.decoder.rows, body)
            else:
                batch = model.decoder.rows(body)
            scores = await self._score(model, batch)
            if len(batch) > 1:
                return _json(await self._in_thread(_post_reply, model, batch, scores))
            return _json(_post_reply(model, batch, scores))
        except RefusedRequest as refused:
            return self._refuse(model, refused)

    async def get(self, request: Request) -> Response:
        """`GET /predict?column=value&…`: one row, read back in the reply."""
        model = self._slot.current
        try:
            batch = model.decoder.query(request.query_params.multi_items())
            scores = await self._score(model, batch)
        except RefusedRequest as refused:
            return self._refuse(model, refused)
        return _json(_get_reply(model, batch, scores))

    async def _score(self, model: ServedModel, batch: Batch) -> Scores:
        manifest = model.bundle.manifest
        started = time.perf_counter()
        scores: Scores
        if model.engine.blocking:
            scores = await self._in_thread(model.engine.score, batch)
        else:
            scores = model.engine.score(batch)
        self._metrics.inference.labels(manifest.name, manifest.version).observe(time.perf_counter() - started)
        self._metrics.predictions.labels(manifest.name, manifest.version).inc(len(batch))
        return scores

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        if self._limiter is None:  # a limiter belongs to the event loop it is made in
            self._limiter = anyio.CapacityLimiter(self._threads)
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)

    def _refuse(self, model: ServedModel, refused: RefusedRequest) -> Response:
        self._metrics.refused_requests.labels(model.bundle.manifest.name, refused.reason).inc()
        return refusal(refused)


_LARGE = 64 * 1024
"""Bytes from which on a body is decoded off the event loop, where it would hold up other requests by milliseconds."""


class _Unread(Exception):
    """A body that is not read: `reason` is the problem's name."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


async def _read(request: Request, limit: int) -> bytes:
    if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise _Unread("unsupported-encoding", "send the JSON as it is, without Content-Encoding")
    too_large = _Unread("too-large", f"the limit is {limit:,} bytes; send fewer rows a request")
    if int(request.headers.get("content-length", 0)) > limit:
        raise too_large
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _post_reply(model: ServedModel, batch: Batch, scores: Scores) -> bytes:
    reply: dict[str, Any] = {}
    if batch.single:
        reply["prediction"] = scores.prediction[0]
    else:
        reply["predictions"] = scores.prediction
    if scores.probabilities is not None:
        reply["probabilities"] = _probabilities(model.bundle.manifest.contract, scores, single=batch.single)
    reply["model"] = model.label
    if warnings := [*batch.warnings, *scores.warnings]:
        reply["warnings"] = warnings
    return msgspec.json.encode(reply)


def _get_reply(model: ServedModel, batch: Batch, scores: Scores) -> bytes:
    contract = model.bundle.manifest.contract
    reply: dict[str, Any] = _as_read(contract, batch)
    reply["prediction"] = scores.prediction[0]
    if scores.probabilities is not None:
        reply["probabilities"] = _probabilities(contract, scores, single=True)
    if warnings := [*batch.warnings, *scores.warnings]:
        reply["warnings"] = warnings
    return msgspec.json.encode(reply)


def _probabilities(contract: Contract, scores: Scores, *, single: bool) -> dict[str, Any]:
    labels: list[Label] = contract.target.classes or []
    assert scores.probabilities is not None  # noqa: S101  # the callers look first
    by_class = scores.probabilities[0] if single else scores.probabilities.T
    return {label_key(label): values for label, values in zip(labels, by_class.tolist(), strict=True)}


def _as_read(contract: Contract, batch: Batch) -> dict[str, Scalar]:
    """The first row, as the server understood it."""
    row: dict[str, Scalar] = {}
    for j, column in enumerate(contract.columns):
        number = float(batch.matrix[0, j])
        if number != number:  # NaN, so missing
            row[column.name] = None
        elif column.kind == "category":
            row[column.name] = batch.text[j][0]
        elif column.kind == "datetime":
            row[column.name] = iso(number)
        else:
            convert: Any = {"integer": int, "boolean": bool}.get(column.kind, float)
            row[column.name] = convert(number)
    return row


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
