"""Transfer several files at once, and measure their progress together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fasttrack.store.store import Watch

__all__ = ["Meter", "for_each"]

_FILES = 4
"""Files that are transferred at the same time."""

T = TypeVar("T")


class Meter:
    """Adds up the bytes of all threads and reports them to `watch`. After `stop`, it raises in every thread."""

    def __init__(self, total: int, watch: Watch) -> None:
        self._total, self._watch = total, watch
        self._done = 0
        self._lock = threading.Lock()
        self._stopped = False

    def add(self, size: int) -> None:
        """Count bytes as transferred; a negative size takes back bytes that had to be discarded."""
        if self._stopped:
            raise InterruptedError
        with self._lock:
            self._done += size
            self._watch(self._done, self._total)

    def stop(self) -> None:
        """End the threads that still transfer something, at their next bytes."""
        self._stopped = True


def for_each(items: Iterable[T], work: Callable[[T], None], meter: Meter) -> None:
    """Call `work` with every item, a few at a time. Raises the first error, after all threads have ended."""
    with ThreadPoolExecutor(_FILES, thread_name_prefix="fasttrack-transfer") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            meter.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
