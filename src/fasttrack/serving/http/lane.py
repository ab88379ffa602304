"""The fast lane: `POST /predict` answered in front of FastAPI, rows that arrive together scored in one run.

It takes what a prediction usually is, a small body that came whole, and hands everything else on. Its replies come from
the same code as those of FastAPI's route, which documents them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fasttrack.serving.http.gather import Gatherer
from fasttrack.serving.http.heads import Heads
from fasttrack.serving.predict import LARGE, Reply
from fasttrack.serving.problems import fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fasttrack.metrics.traffic import HttpTraffic
    from fasttrack.serving.model import ModelSlot, ServedModel
    from fasttrack.serving.predict import Predictor

__all__ = ["FastLane"]

_PATH = "/predict"


class FastLane:
    """An ASGI app in front of another; being outermost, it also counts the requests in progress."""

    def __init__(self, app: ASGIApp, *, slot: ModelSlot, predictor: Predictor, traffic: HttpTraffic) -> None:
        self._app = app
        self._slot = slot
        self._predictor = predictor
        self._gatherer = Gatherer(predictor, self._by_itself)
        self._traffic = traffic
        self._route = traffic.route(_PATH, "POST")
        self._alone: set[asyncio.Task[None]] = set()
        self.longest = min(LARGE, predictor.max_body_bytes)
        """Bytes of the largest body that the lane takes."""
        self.heads = Heads()
        """Of requests that came by a connection of their own, see `Wire`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a prediction request, or hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._traffic.begun()
        try:
            if scope["method"] == "POST" and _path(scope) == _PATH:
                await self._post(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            self._traffic.ended()

    def answer(self, body: bytes, done: Callable[[Reply], None]) -> None:
        """Call `done` with the reply to a body of one prediction request, in a later turn of the event loop."""
        model = self._slot.current
        cells = model.decoder.cells(body)
        if cells is None:
            self._by_itself(model, body, done)
        else:
            self._gatherer.add(model, cells, body, done)

    def begun(self) -> None:
        """Count a request that does not come by ASGI as in progress."""
        self._traffic.begun()

    def ended(self, reply: Reply, seconds: float, received: int) -> None:
        """Count a request that `begun` has counted as answered, `seconds` after it came with `received` bytes."""
        self._traffic.ended()
        self._route.count(reply.status, seconds, received, len(reply.body))

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        if _unusual(scope):
            await self._app(scope, receive, send)
            return
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] != "http.request" or message.get("more_body") or len(body) > self.longest:
            await self._app(scope, _again(message, receive), send)
            return
        replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.answer(body, lambda reply: None if replied.done() else replied.set_result(reply))
        reply = await replied
        headers = [(b"content-length", b"%d" % len(reply.body)), (b"content-type", reply.media_type)]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})
        self._route.count(reply.status, time.perf_counter() - started, len(body), len(reply.body))

    def _by_itself(self, model: ServedModel, body: bytes, done: Callable[[Reply], None]) -> None:
        """A row that could not be scored together with others is scored alone, which says what is wrong."""

        async def score() -> None:
            try:
                reply = await self._predictor.answer(model, body)
            except Exception as error:  # noqa: BLE001  # a fault of the server is told as FastAPI would tell it
                reply = Reply(*fault("POST", _PATH, error))
            done(reply)

        task = asyncio.get_running_loop().create_task(score())
        self._alone.add(task)  # the event loop itself keeps no task alive
        task.add_done_callback(self._alone.discard)


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root.rstrip("/")) if root else path


def _unusual(scope: Scope) -> bool:
    """Whether the body is encoded, or waits to be asked for, which receiving it would do."""
    for name, _ in scope["headers"]:  # noqa: SIM110  # a generator would cost more than the loop
        if name in (b"content-encoding", b"expect"):
            return True
    return False


def _again(first: Message, receive: Receive) -> Receive:
    """`receive` for an app behind, which must see the `first` message too."""
    waiting = [first]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
