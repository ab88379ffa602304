"""The steps of a long run, as they begin: to whoever asked to hear of them, and to the logger `fasttrack.progress`.

with reporting(print):
    fasttrack.train("flights.csv", "arr_delay")
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["report_step", "reporting"]

_log = logging.getLogger("fasttrack.progress")
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("fasttrack_progress", default=None)


@contextmanager
def reporting(listener: Callable[[str], None]) -> Iterator[None]:
    """Call `listener` with each step that begins in this block. Other threads and tasks are not heard."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report_step(step: str) -> None:
    """Say that a step begins, such as `reading flights.csv`."""
    listener = _listener.get()
    if listener is not None:
        listener(step)
    _log.info("%s", step)
