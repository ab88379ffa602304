"""The fast lane: `POST /predict` answered in front of FastAPI, with rows that arrive together scored in one run.

It takes the usual prediction, a small body that came whole, and hands everything else on. Its replies come from the
same code as those of FastAPI's route, which documents them. Being outermost, it also asks the guards about every
request.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fasttrack.serving.access import RequestHead
from fasttrack.serving.http.gather import Gatherer
from fasttrack.serving.http.heads import Heads
from fasttrack.serving.paths import METHODS, PATHS, PREDICT
from fasttrack.serving.predict import LARGE_BYTES
from fasttrack.serving.problems import internal_error
from fasttrack.serving.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fasttrack.metrics.traffic import HttpTraffic
    from fasttrack.serving.access import Guards
    from fasttrack.serving.live_model import LiveModel, ModelHolder
    from fasttrack.serving.predict import Predictor

__all__ = ["FastLane"]

_POLICY_VIOLATION = 1008
"""The code with which a refused WebSocket is closed; to a client that waits to be accepted, it is status 403."""


class FastLane:
    """An ASGI app in front of another; it also counts the requests in progress."""

    def __init__(
        self, app: ASGIApp, *, models: ModelHolder, predictor: Predictor, traffic: HttpTraffic, guards: Guards
    ) -> None:
        self._app = app
        self._models = models
        self._predictor = predictor
        self._gatherer = Gatherer(predictor, self._answer_alone)
        self._traffic = traffic
        self._route = traffic.route(PREDICT, "POST")
        self._tasks: set[asyncio.Task[None]] = set()
        self.guards = guards
        """Asked before each request, by the lane or by `Wire`."""
        self.short_cuts = True
        """Whether predictions may be answered before the app, by the lane or by `Wire`."""
        self.longest = min(LARGE_BYTES, predictor.max_body_bytes)
        """Bytes of the largest body that the lane takes."""
        self.heads = Heads()
        """Of requests that came by a connection of their own, see `Wire`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, answer it if it is a prediction, or hand it on."""
        if scope["type"] == "http":
            self._traffic.begin()
            try:
                await self._answer_http(scope, receive, send)
            finally:
                self._traffic.end()
        elif scope["type"] == "websocket" and self._refusal(scope) is not None:
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await self._app(scope, receive, send)

    def answer(self, body: bytes, done: Callable[[Reply], None]) -> None:
        """Call `done` with the reply to a body of one prediction request, in a later turn of the event loop."""
        live = self._models.current
        cells = live.model.decoder.cells(body)
        if cells is None:
            self._answer_alone(live, body, done)
        else:
            self._gatherer.add(live, cells, body, done)

    def begin(self) -> None:
        """Count a prediction request that does not come by ASGI as in progress."""
        self._traffic.begin()

    def end(self, reply: Reply, seconds: float, received: int) -> None:
        """Count the reply to a request that `begin` has counted, `seconds` after its body of `received` bytes."""
        self._traffic.end()
        self._route.count(reply.status, seconds, received, len(reply.body))

    async def _answer_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.guards:
            started = time.perf_counter()
            refusal = self._refusal(scope)
            if refusal is not None:
                await _send(send, refusal)
                self._count_refusal(scope, refusal, time.perf_counter() - started)
                return
        if self.short_cuts and scope["method"] == "POST" and _path(scope) == PREDICT:
            await self._post(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        if _is_unusual(scope):
            await self._app(scope, receive, send)
            return
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] != "http.request" or message.get("more_body") or len(body) > self.longest:
            await self._app(scope, _replay(message, receive), send)
            return
        replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.answer(body, lambda reply: None if replied.done() else replied.set_result(reply))
        reply = await replied
        await _send(send, reply)
        self._route.count(reply.status, time.perf_counter() - started, len(body), len(reply.body))

    def _answer_alone(self, live: LiveModel, body: bytes, done: Callable[[Reply], None]) -> None:
        """Score a body that cannot be scored together with others, and call `done` with the reply."""

        async def score() -> None:
            try:
                reply = await self._predictor.answer(live, body)
            except Exception as error:  # noqa: BLE001  # a failure of the server gets the reply that FastAPI gives
                reply = Reply(*internal_error("POST", PREDICT, error))
            done(reply)

        task = asyncio.get_running_loop().create_task(score())
        self._tasks.add(task)  # the event loop itself keeps no task alive
        task.add_done_callback(self._tasks.discard)

    def _refusal(self, scope: Scope) -> Reply | None:
        if not self.guards:
            return None
        client = scope.get("client")
        head = RequestHead(scope.get("method", "GET"), _path(scope), scope["headers"], client and tuple(client))
        return self.guards.refusal(head)

    def _count_refusal(self, scope: Scope, refusal: Reply, seconds: float) -> None:
        # only known names become labels: callers could invent any number of others
        path, method = _path(scope), scope["method"]
        route = self._traffic.route(path if path in PATHS else "none", method if method in METHODS else "none")
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        route.count(refusal.status, seconds, int(length) if length.isdigit() else 0, len(refusal.body))


async def _send(send: Send, reply: Reply) -> None:
    headers = [(b"content-length", b"%d" % len(reply.body)), (b"content-type", reply.media_type), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _path(scope: Scope) -> str:
    """The path of a request below the prefix under which the service is mounted, as Starlette's routes see it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _is_unusual(scope: Scope) -> bool:
    """Whether the body is encoded, or is sent only after "100 Continue", which receiving it would send."""
    for name, _ in scope["headers"]:  # noqa: SIM110  # a generator would cost more than the loop
        if name in (b"content-encoding", b"expect"):
            return True
    return False


def _replay(first: Message, receive: Receive) -> Receive:
    """`receive` for the app behind, which gets the `first` message again."""
    waiting = [first]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
