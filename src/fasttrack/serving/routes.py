"""`/predict` as FastAPI's routes: they read requests, and answer what the fast lane hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request  # FastAPI reads the annotation at run time
from starlette.responses import Response

from fasttrack.contract.decode import RefusedRequest
from fasttrack.serving.http.body import BodyRefused, read_body
from fasttrack.serving.reply import Reply
from fasttrack.serving.responses import body_refusal

if TYPE_CHECKING:
    from fasttrack.metrics.serving import ServingMetrics
    from fasttrack.serving.live_model import ModelHolder
    from fasttrack.serving.predict import Predictor

__all__ = ["PredictRoutes"]


class PredictRoutes:
    """The two routes; each request is answered by the model that serves at that moment."""

    def __init__(self, models: ModelHolder, metrics: ServingMetrics, predictor: Predictor) -> None:
        self._models, self._metrics, self._predictor = models, metrics, predictor

    async def post(self, request: Request) -> Response:
        """`POST /predict`: one row, rows or columns as JSON."""
        live = self._models.current
        try:
            body = await read_body(request, self._predictor.max_body_bytes)
        except BodyRefused as refused:
            self._metrics.count_refusal(live.model.name, refused.reason, {})
            return body_refusal(refused.reason, str(refused))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        return _response(await self._predictor.answer(live, body))

    async def get(self, request: Request) -> Response:
        """`GET /predict?column=value&…`: one row, which the reply repeats."""
        live = self._models.current
        try:
            batch = live.model.decoder.query(request.query_params.multi_items())
            event = await self._predictor.score_soon(live, batch)
        except RefusedRequest as refused:
            return _response(self._predictor.refuse(live, refused))
        response = _response(Reply(200, live.writer.query(event)))
        if event.ids is not None:
            response.headers["prediction-id"] = event.ids[0]
        return response


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.media_type.decode())
