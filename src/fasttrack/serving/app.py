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

from fasttrack.contract.openapi import is_wide
from fasttrack.contract.published import published_contract
from fasttrack.errors import FastTrackError
from fasttrack.serving import responses
from fasttrack.serving.describe import describe
from fasttrack.serving.feedback import accept_feedback
from fasttrack.serving.http.body import BodyRefused, read_body
from fasttrack.serving.paths import PREDICT
from fasttrack.serving.routes import PredictRoutes
from fasttrack.serving.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.middleware import Middleware
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fasttrack.scoring.observer import Observer
    from fasttrack.serving.access import Guard
    from fasttrack.serving.http.lane import FastLane
    from fasttrack.settings import Settings

__all__ = ["MAY_BE_BYPASSED", "PredictionApp", "build", "create_app"]

MAY_BE_BYPASSED = "may_be_bypassed"
"""An attribute of a middleware: True says that predictions may be answered without it."""

_STATIC = Path(fastapi_standalone_docs.__file__).parent / "static"


def create_app(
    settings: Settings | None = None, *, guards: Sequence[Guard] = (), observers: Sequence[Observer] = ()
) -> PredictionApp:
    """The prediction service. The model is loaded when the app starts, so building it has no side effect.

    `settings`: by default those of the `FASTTRACK_*` environment variables. `guards` decide on each request whether it
    is answered, whichever way it takes. `observers` get the event of each run of the model. Raises ConfigError for a
    setting that cannot be used.
    """
    return build(Runtime(settings, guards=guards, observers=observers))


def build(runtime: Runtime) -> PredictionApp:
    """FastAPI's app, with the fast lane in front of it."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with runtime.lifespan():
            yield

    app = PredictionApp(
        title="FastTrack-MLOps",
        version=metadata.version("fasttrack-mlops"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_tags=[{"name": name} for name in ("prediction", "model", "health", "monitoring")],
        exception_handlers={HTTPException: responses.http_problem, Exception: responses.internal_problem},
    )
    app.lane = runtime.lane(app.answer_by_fastapi)
    app.state.models, app.state.metrics = runtime.models, runtime.metrics
    Instrumentator(
        should_group_status_codes=False,
        excluded_handlers=["^/metrics$", "^/health/", "^/docs", "^/openapi.json$"],
        registry=runtime.metrics.registry,
    ).add(runtime.metrics.traffic.instrument).instrument(app).expose(app, tags=["monitoring"], response_class=Response)
    app.add_middleware(_PlainStartupFailure)
    app.own_middleware = tuple(app.user_middleware)
    _add_prediction_routes(app, runtime)
    _add_model_routes(app, runtime)
    _add_documentation(app, runtime)
    return app


class PredictionApp(FastAPI):
    """FastAPI with the fast lane before even its own middleware, which costs as much as a prediction.

    A middleware that is added to it sees every request: predictions then go through FastAPI too, which is slower. A
    middleware that predictions need not go through says so by an attribute `may_be_bypassed = True` of its class, or of
    the function that `@app.middleware("http")` decorates. What only lets requests in or refuses them is faster as a
    guard, see `fasttrack.serving.access`.
    """

    lane: FastLane
    own_middleware: tuple[Middleware, ...] = ()
    """What the service itself adds: predictions do without it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.lane(scope, receive, send)

    async def answer_by_fastapi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request without the fast lane and its guards."""
        try:
            await super().__call__(scope, receive, send)
        except Exception:
            if responses.REPORTED not in scope:  # else Starlette raises what was answered, and Uvicorn would log it
                raise

    def add_middleware(self, middleware_class: Any, *args: Any, **kwargs: Any) -> None:
        """Put an ASGI middleware in front of every route. Raises RuntimeError after the app has started."""
        super().add_middleware(middleware_class, *args, **kwargs)
        self._set_short_cuts()

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's own middleware, those that were added, and the routes behind them."""
        self._set_short_cuts()
        return super().build_middleware_stack()

    def _set_short_cuts(self) -> None:
        self.lane.short_cuts = all(
            _may_be_bypassed(middleware) or any(middleware is own for own in self.own_middleware)
            for middleware in self.user_middleware
        )


def _may_be_bypassed(middleware: Middleware) -> bool:
    declared_by = (middleware.cls, middleware.kwargs.get("dispatch"))
    return any(getattr(part, MAY_BE_BYPASSED, False) is True for part in declared_by)


def _add_prediction_routes(app: PredictionApp, runtime: Runtime) -> None:
    predictor = runtime.predictor
    predict = PredictRoutes(runtime.models, runtime.metrics, predictor)
    app.add_api_route(PREDICT, predict.post, methods=["POST"], tags=["prediction"], response_class=Response)
    app.add_api_route(PREDICT, predict.get, methods=["GET"], tags=["prediction"], response_class=Response)

    @app.post("/feedback", tags=["prediction"], response_class=Response)
    async def feedback(request: Request) -> Response:
        """Take the true outcome of predictions, by their ids."""
        try:
            body = await read_body(request, predictor.max_body_bytes)
        except BodyRefused as refused:
            return responses.body_refusal(refused.reason, str(refused))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        return await asyncio.to_thread(accept_feedback, runtime.journal, body)


def _add_model_routes(app: PredictionApp, runtime: Runtime) -> None:
    models = runtime.models

    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        """Reports that the process answers."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"], response_class=Response)
    async def ready() -> Response:
        """Scores an example row; reports whether that succeeds."""
        model = models.current.model
        try:
            await asyncio.to_thread(model.probe)
        except Exception as error:  # whatever the model raises, it is not ready
            raise HTTPException(503) from error
        return _json({"status": "ready", "model": model.label})

    @app.get("/model", tags=["model"], response_class=Response)
    async def model() -> Response:
        """The model that serves: version, task, engine, hold-out quality, and what it was trained on."""
        manifest = msgspec.to_builtins(models.current.model.bundle.manifest)
        # the contract has a route of its own; the bounds of refusals may be the lowest and highest training values
        return _json({name: value for name, value in manifest.items() if name not in ("contract", "refusals")})

    @app.get("/contract", tags=["model"], response_class=Response)
    async def contract() -> Response:
        """The columns that the model takes, and its target, as far as values may be published."""
        return _json(published_contract(models.current.model.contract))


def _add_documentation(app: PredictionApp, runtime: Runtime) -> None:
    models = runtime.models
    app.mount("/docs/static", StaticFiles(directory=_STATIC))
    app.openapi = lambda: describe(app, models.current.model.bundle.manifest)  # type: ignore[method-assign]  # as FastAPI documents it

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        # the parameters of GET /predict alone, one a column, would make a page of many screens
        expansion = "list" if is_wide(models.current.model.contract) else "full"
        return get_swagger_ui_html(
            openapi_url=f"{root}/openapi.json",
            title=f"{models.current.model.label} – FastTrack-MLOps",
            swagger_js_url=f"{root}/docs/static/swagger/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/static/swagger/swagger-ui.css",
            swagger_favicon_url=f"{root}/docs/static/fastapi/favicon.png",
            swagger_ui_parameters={"docExpansion": expansion, "defaultModelsExpandDepth": -1},
        )

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> RedirectResponse:
        return RedirectResponse(request.scope.get("root_path", "").rstrip("/") + "/docs")


class _PlainStartupFailure:
    """Reports to the server why the app cannot start in one sentence, where Starlette would send a traceback."""

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
