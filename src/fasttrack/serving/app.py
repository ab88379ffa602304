"""The ASGI app: routes, metrics, health, and a description of all of it made from the contract."""

from __future__ import annotations

import asyncio
import contextlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastapi_standalone_docs
import msgspec
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fasttrack.errors import FastTrackError
from fasttrack.serving import responses
from fasttrack.serving.describe import describe
from fasttrack.serving.feedback import take_feedback
from fasttrack.serving.http.body import Unread, read_body
from fasttrack.serving.routes import PredictRoutes
from fasttrack.serving.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fasttrack.serving.http.lane import FastLane
    from fasttrack.settings import Settings

__all__ = ["Routes", "build", "create_app"]

_STATIC = Path(fastapi_standalone_docs.__file__).parent / "static"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The prediction service. The model is loaded when the app starts, so that building it has no side effect.

    Without `settings` they come from the `FASTTRACK_*` environment variables. Raises ConfigError for one that cannot be
    used.
    """
    return build(Runtime(settings))


def build(runtime: Runtime) -> Routes:
    """FastAPI's app, with the fast lane in front of it."""
    metrics, slot, predictor = runtime.metrics, runtime.slot, runtime.predictor

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with runtime.running():
            yield

    app = Routes(
        title="FastTrack-MLOps",
        version=metadata.version("fasttrack-mlops"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_tags=[{"name": name} for name in ("prediction", "model", "health", "monitoring")],
        exception_handlers={HTTPException: responses.http_problem, Exception: responses.unexpected},
    )
    Instrumentator(
        should_group_status_codes=False,
        excluded_handlers=["^/metrics$", "^/health/", "^/docs", "^/openapi.json$"],
        registry=metrics.registry,
    ).add(metrics.traffic.instrument).instrument(app).expose(app, tags=["monitoring"], response_class=Response)
    app.lane = runtime.lane(app.behind_the_lane)
    app.add_middleware(_PlainStartupFailure)
    app.state.slot, app.state.metrics = slot, metrics
    app.mount("/docs/static", StaticFiles(directory=_STATIC))
    app.openapi = lambda: describe(app, slot.current.bundle.manifest)  # type: ignore[method-assign]  # FastAPI's way

    predict = PredictRoutes(slot, metrics, predictor)
    app.add_api_route("/predict", predict.post, methods=["POST"], tags=["prediction"], response_class=Response)
    app.add_api_route("/predict", predict.get, methods=["GET"], tags=["prediction"], response_class=Response)

    @app.post("/feedback", tags=["prediction"], response_class=Response)
    async def feedback(request: Request) -> Response:
        """Say what was true: a label for a prediction, by its id. The last one counts."""
        try:
            body = await read_body(request, predictor.max_body_bytes)
        except Unread as unread:
            return responses.body_refusal(unread.reason, str(unread))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        target = slot.current.bundle.manifest.contract.target
        return await asyncio.to_thread(take_feedback, runtime.journal, target, body)

    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        """Says that the process answers."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"], response_class=Response)
    async def ready() -> Response:
        """Scores a row; ready means that predictions are being made."""
        model = slot.current
        try:
            await asyncio.to_thread(model.probe)
        except Exception as error:  # whatever the model raises, it is not ready
            raise HTTPException(503) from error
        return _json({"status": "ready", "model": model.label})

    @app.get("/model", tags=["model"], response_class=Response)
    async def model() -> Response:
        """The model that serves: version, task, engine, hold-out quality, and what it was trained on."""
        manifest = slot.current.bundle.manifest
        return _json({name: value for name, value in msgspec.to_builtins(manifest).items() if name != "contract"})

    @app.get("/contract", tags=["model"], response_class=Response)
    async def contract() -> Response:
        """The columns that the model takes, and what it gives."""
        return _json(slot.current.bundle.manifest.contract)

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        return get_swagger_ui_html(
            openapi_url=f"{root}/openapi.json",
            title=f"{slot.current.label} – FastTrack-MLOps",
            swagger_js_url=f"{root}/docs/static/swagger/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/static/swagger/swagger-ui.css",
            swagger_favicon_url=f"{root}/docs/static/fastapi/favicon.png",
            swagger_ui_parameters={"docExpansion": "full", "defaultModelsExpandDepth": -1},
        )

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> RedirectResponse:
        return RedirectResponse(request.scope.get("root_path", "").rstrip("/") + "/docs")

    return app


class Routes(FastAPI):
    """FastAPI with the fast lane before even its own middleware, which costs as much as a prediction."""

    lane: FastLane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self.lane(scope, receive, send)

    async def behind_the_lane(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What FastAPI does with a request."""
        await super().__call__(scope, receive, send)


class _PlainStartupFailure:
    """Tells the server why the app cannot start in one sentence, where Starlette would send a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failed: list[Message] = []

        async def hold(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                failed.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, hold)
        except Exception as error:
            if not failed:
                raise
            plain = {"message": str(error)} if isinstance(error, FastTrackError) else {}
            await send({**failed[0], **plain})
            raise


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
