"""Several files on their way at once, and how far they are together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fasttrack.store.store import Watch

__all__ = ["Meter", "for_each"]

_FILES = 4
"""Files that move at the same time."""

T = TypeVar("T")


class Meter:
    """Adds up what many threads have moved, and tells it; raises in each of them once the transfer was given up."""

    def __init__(self, total: int, watch: Watch) -> None:
        self._total, self._watch = total, watch
        self._done = 0
        self._lock = threading.Lock()
        self._stopped = False

    def moved(self, size: int) -> None:
        """So many bytes more are where they belong; fewer, when what was there had to be thrown away."""
        if self._stopped:
            raise InterruptedError
        with self._lock:
            self._done += size
            self._watch(self._done, self._total)

    def stop(self) -> None:
        """Let threads that still move something end at their next bytes."""
        self._stopped = True


def for_each(items: Iterable[T], work: Callable[[T], None], meter: Meter) -> None:
    """Do `work` for every item, a few at a time. Raises the first error, with nothing left running."""
    with ThreadPoolExecutor(_FILES, thread_name_prefix="fasttrack-transfer") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            meter.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
