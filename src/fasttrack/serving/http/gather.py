"""Rows that arrive in the same turn of the event loop, scored in one run of the model.

The first row of a turn schedules the run, the others join it: no timer, no added waiting. A model that must run off the
event loop gathers while its threads are busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from fasttrack.contract.decode import RefusedRequest
from fasttrack.serving.predict import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.contract.decode import CellIssue
    from fasttrack.serving.model import ServedModel
    from fasttrack.serving.predict import Predictor

    ByItself = Callable[[ServedModel, bytes, Callable[[Reply], None]], None]
    """Scores a row alone that could not be scored with others, and calls the function with its reply."""

__all__ = ["Gatherer"]

_log = logging.getLogger("fasttrack")

_MOST = 256
"""Rows in one run: more would hold up the first of them, and save nothing."""


class _Waiting(msgspec.Struct, gc=False):
    model: ServedModel
    cells: tuple[Any, ...]
    body: bytes
    done: Callable[[Reply], None]


class Gatherer:
    """Scores single rows together, and gives each request its own reply."""

    def __init__(self, predictor: Predictor, by_itself: ByItself) -> None:
        self._predictor = predictor
        self._by_itself = by_itself
        self._waiting: list[_Waiting] = []
        self._scheduled = False
        self._running: set[asyncio.Task[None]] = set()

    def add(self, model: ServedModel, cells: tuple[Any, ...], body: bytes, done: Callable[[Reply], None]) -> None:
        """Call `done` with the reply to a row in a later turn. `cells` are what the decoder found in `body`."""
        self._waiting.append(_Waiting(model, cells, body, done))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._running) < self._predictor.threads:
            model = self._waiting[0].model
            # a request keeps the model that served when it came; around a swap there are two
            rows = [one for one in self._waiting if one.model is model][:_MOST]
            if len(rows) == len(self._waiting):
                self._waiting = []
            else:
                taken = set(map(id, rows))
                self._waiting = [one for one in self._waiting if id(one) not in taken]
            if len(rows) <= model.engine.inline_rows:
                self._finish(rows, _tried(self._predictor, rows))
            else:
                task = asyncio.get_running_loop().create_task(self._in_thread(rows))
                self._running.add(task)
                task.add_done_callback(self._ran)

    async def _in_thread(self, rows: list[_Waiting]) -> None:
        try:
            replies = await self._predictor.in_thread(_tried, self._predictor, rows)
        except Exception:  # noqa: BLE001  # no thread can be started
            _log.exception("a run of rows could not be scored; each is tried by itself")
            replies = [None] * len(rows)
        self._finish(rows, replies)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._flush()

    def _finish(self, rows: list[_Waiting], replies: list[Reply | None]) -> None:
        for row, reply in zip(rows, replies, strict=True):
            try:
                if reply is None:
                    self._by_itself(row.model, row.body, row.done)
                else:
                    row.done(reply)
            except Exception:  # noqa: BLE001  # whatever befell one connection, the others get their answers
                _log.exception("a reply could not be sent")


def _tried(predictor: Predictor, rows: list[_Waiting]) -> list[Reply | None]:
    """Each row's reply; `None` for those that must be scored by themselves."""
    replies: list[Reply | None] = [None] * len(rows)
    with contextlib.suppress(Exception):  # whichever row it was: alone, each gets its own answer or its own refusal
        places = list(range(len(rows)))
        try:
            _score(predictor, rows, places, replies)
        except RefusedRequest as refused:
            named = {issue.row for issue in refused.issues}
            _score(predictor, rows, [place for place in places if place not in named], replies)
    return replies


def _score(predictor: Predictor, rows: list[_Waiting], places: list[int], replies: list[Reply | None]) -> None:
    """Put the replies of the rows at `places` into `replies`."""
    model = rows[0].model
    gathered = model.decoder.gather([rows[place].cells for place in places])
    if gathered.unfit:
        places = [place for row, place in enumerate(places) if row not in gathered.unfit]
        gathered = model.decoder.gather([rows[place].cells for place in places])
    scores = predictor.score(model, gathered.batch)
    told: dict[int, list[CellIssue]] = {}
    for row, noted in gathered.warnings.items():
        told[row] = [*noted]
    for issue in scores.warnings:
        told.setdefault(issue.row or 0, []).append(replace(issue, row=0))
    for place, body in zip(places, model.writer.each(scores, told), strict=True):
        replies[place] = Reply(200, body)
