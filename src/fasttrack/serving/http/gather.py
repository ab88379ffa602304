"""Rows that arrive in the same turn of the event loop, scored in one run of the model.

The first row of a turn schedules the run, the others join it: there is no timer and no added waiting. While the threads
are busy with a model that runs off the event loop, rows gather for its next run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from fasttrack.contract.decode import RefusedRequest
from fasttrack.serving.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.contract.decode import CellIssue
    from fasttrack.serving.live_model import LiveModel
    from fasttrack.serving.predict import Predictor

    AnswerAlone = Callable[[LiveModel, bytes, Callable[[Reply], None]], None]
    """Scores the body of one request by itself, and calls the function with its reply."""

__all__ = ["Gatherer"]

_log = logging.getLogger("fasttrack")

_MOST_ROWS = 256
"""Rows in one run: more would hold up the first of them, and save nothing."""


class _Waiting(msgspec.Struct, gc=False):
    """A request of one row that waits for its run."""

    live: LiveModel
    cells: tuple[Any, ...]
    body: bytes
    done: Callable[[Reply], None]


class Gatherer:
    """Scores single rows together, and gives each request its own reply."""

    def __init__(self, predictor: Predictor, answer_alone: AnswerAlone) -> None:
        self._predictor = predictor
        self._answer_alone = answer_alone
        self._waiting: list[_Waiting] = []
        self._scheduled = False
        self._running: set[asyncio.Task[None]] = set()

    def add(self, live: LiveModel, cells: tuple[Any, ...], body: bytes, done: Callable[[Reply], None]) -> None:
        """Call `done` with the reply to a row in a later turn. `cells`: what the decoder's `cells` gave for `body`."""
        self._waiting.append(_Waiting(live, cells, body, done))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._running) < self._predictor.threads:
            live = self._waiting[0].live
            # a request keeps the model that served when it came; around a change there are two
            rows = [row for row in self._waiting if row.live is live][:_MOST_ROWS]
            if len(rows) == len(self._waiting):
                self._waiting = []
            else:
                taken = set(map(id, rows))
                self._waiting = [row for row in self._waiting if id(row) not in taken]
            if len(rows) <= live.model.engine.inline_rows:
                self._finish(rows, _score_together(self._predictor, rows))
            else:
                task = asyncio.get_running_loop().create_task(self._in_thread(rows))
                self._running.add(task)
                task.add_done_callback(self._end_run)

    async def _in_thread(self, rows: list[_Waiting]) -> None:
        try:
            replies = await self._predictor.in_thread(_score_together, self._predictor, rows)
        except Exception:  # noqa: BLE001  # no thread can be started
            _log.exception("a run of rows could not be scored; each is scored by itself")
            replies = [None] * len(rows)
        self._finish(rows, replies)

    def _end_run(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._flush()

    def _finish(self, rows: list[_Waiting], replies: list[Reply | None]) -> None:
        for row, reply in zip(rows, replies, strict=True):
            try:
                if reply is None:
                    self._answer_alone(row.live, row.body, row.done)
                else:
                    row.done(reply)
            except Exception:  # noqa: BLE001  # whatever happened to one connection, the others get their replies
                _log.exception("a reply could not be sent")


def _score_together(predictor: Predictor, rows: list[_Waiting]) -> list[Reply | None]:
    """Each row's reply; `None` for those that must be scored by themselves."""
    replies: list[Reply | None] = [None] * len(rows)
    with contextlib.suppress(Exception):  # whichever row it was: alone, each gets its own reply
        places = list(range(len(rows)))
        try:
            _score(predictor, rows, places, replies)
        except RefusedRequest as refused:
            refused_rows = {issue.row for issue in refused.issues}
            _score(predictor, rows, [place for place in places if place not in refused_rows], replies)
    return replies


def _score(predictor: Predictor, rows: list[_Waiting], places: list[int], replies: list[Reply | None]) -> None:
    """Put the replies of the rows at `places` into `replies`."""
    live = rows[0].live
    decoder = live.model.decoder
    gathered = decoder.gather([rows[place].cells for place in places])
    if gathered.unfit:
        places = [place for row, place in enumerate(places) if row not in gathered.unfit]
        gathered = decoder.gather([rows[place].cells for place in places])
    event = predictor.score(live, gathered.batch)
    warnings: dict[int, list[CellIssue]] = {row: [*issues] for row, issues in gathered.warnings.items()}
    for issue in event.predictions.warnings:
        warnings.setdefault(issue.row or 0, []).append(replace(issue, row=0))
    for place, body in zip(places, live.writer.each(event, warnings), strict=True):
        replies[place] = Reply(200, body)
