"""`/predict` as FastAPI's routes: reading a request, and answering what the fast lane leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request  # FastAPI reads the annotation at run time
from starlette.responses import Response

from fasttrack.contract.decode import RefusedRequest
from fasttrack.serving.http.body import Unread, read_body
from fasttrack.serving.predict import Reply
from fasttrack.serving.responses import body_refusal

if TYPE_CHECKING:
    from fasttrack.metrics.serving import ServingMetrics
    from fasttrack.serving.model import ModelSlot
    from fasttrack.serving.predict import Predictor

__all__ = ["PredictRoutes"]


class PredictRoutes:
    """The two routes, over the model that serves at that moment."""

    def __init__(self, slot: ModelSlot, metrics: ServingMetrics, predictor: Predictor) -> None:
        self._slot, self._metrics, self._predictor = slot, metrics, predictor

    async def post(self, request: Request) -> Response:
        """`POST /predict`: one row, rows or columns as JSON."""
        model = self._slot.current
        try:
            body = await read_body(request, self._predictor.max_body_bytes)
        except Unread as unread:
            self._metrics.refused(model.bundle.manifest.name, unread.reason, {})
            return body_refusal(unread.reason, str(unread))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        return _response(await self._predictor.answer(model, body))

    async def get(self, request: Request) -> Response:
        """`GET /predict?column=value&…`: one row, read back in the reply."""
        model = self._slot.current
        try:
            batch = model.decoder.query(request.query_params.multi_items())
            scores = await self._predictor.score_soon(model, batch)
        except RefusedRequest as refused:
            return _response(self._predictor.refuse(model, refused))
        response = _response(Reply(200, model.writer.query(batch, scores)))
        if scores.ids is not None:
            response.headers["prediction-id"] = scores.ids[0]
        return response


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.media_type.decode())
