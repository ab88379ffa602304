"""Writes predictions and labels in the background: requests append to bounded queues, a thread empties them.

A slow or dead database delays no prediction. What fits into the queues is not lost; what does not is counted.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from fasttrack.errors import StoreError
from fasttrack.journal.compaction import Compactor
from fasttrack.journal.database import Database
from fasttrack.journal.origin import Origins
from fasttrack.journal.predictions import JournalModel
from fasttrack.journal.queue import MOST_ROWS, JournalCounts, PredictionQueue
from fasttrack.journal.recorder import Recorder, pack_runs
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fasttrack.contract.schema import Contract
    from fasttrack.journal.database import LabelRow
    from fasttrack.journal.predictions import Chunk
    from fasttrack.journal.recorder import Run

__all__ = ["Journal"]

_log = logging.getLogger("fasttrack")

_FLUSH_SECONDS = 1.0
_MOST_LABELS = 1_000_000
_LABELS_PER_TRANSACTION = 50_000
"""Other workers wait for the transaction, but for less than a second."""
_FLUSHES_TO_UNKNOWN = 3
"""After so many flushes a prediction is in the journal, whichever worker made it. Until then its label may match."""
_SWEEP_SECONDS = 300
_PATIENCE_SECONDS = 5.0
"""How long a stopping server waits for a database that does not answer."""


class Journal:
    """The journal of one process. `start` and `stop` its thread; any thread may record and add labels."""

    def __init__(  # a parameter for each setting
        self,
        location: str,
        counts: JournalCounts,
        *,
        sample: float = 1.0,
        omit: Sequence[str] = (),
        keep_days: float | None = None,
        keep_bytes: int | None = None,
        flush_seconds: float = _FLUSH_SECONDS,
        most_rows: int = MOST_ROWS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.location = location
        self.process = _process_name()
        self.origins = Origins(location, self.process)
        """The versions that made the predictions, by their ids."""
        self._counts = counts
        self._omit = tuple(omit)
        self._keep_days, self._keep_bytes = keep_days, keep_bytes
        self._flush_seconds, self._most_rows = flush_seconds, most_rows
        self._clock = clock
        self._queue = PredictionQueue(
            self.process, counts, self.origins, sample=sample, most_rows=most_rows, clock=clock
        )
        self._labels: deque[LabelRow] = deque()
        self._labels_lock = threading.Lock()
        self._unmatched: deque[tuple[float, list[tuple[str, int]]]] = deque()
        """Labels without a prediction so far: when to look again, and the process and number of each."""
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._database = Database(location)
        self._compactor = Compactor(self._database)
        self._is_down = False
        self._swept_at = 0.0
        self._runs: list[Run] = []
        self._chunk: Chunk | None = None
        """What was taken from the queue and is not written yet."""

    def recorder(self, model: str, version: str, contract: Contract) -> Recorder:
        """The recorder for the predictions of a version."""
        about = JournalModel.of(model, version, contract, self._omit)
        self.origins.add(about)
        return Recorder(self._queue, about, contract)

    def start(self) -> None:
        """Start to write. If the journal cannot be opened, the log says so once, and it is tried again."""
        self._thread = threading.Thread(target=self._run, name="fasttrack-journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, as long as the database takes it, and end the thread."""
        self._stopping = True
        self._wake.set()
        self.origins.close()
        while self._thread is not None and self._thread.is_alive():
            before = self._queued()
            self._thread.join(2 * _PATIENCE_SECONDS)
            if self._queued() >= before:
                break
        if self._queued():
            _log.error(
                "%s predictions and %s labels are lost: the journal %s did not take them before the server stopped",
                f"{self._queue.rows:,}",
                f"{len(self._labels):,}",
                redact_url(self.location),
            )

    def add_labels(self, labels: Sequence[LabelRow]) -> bool:
        """Queue labels, all or none; `False` if the queue is full and they have to be sent again."""
        with self._labels_lock:
            if len(self._labels) + len(labels) > _MOST_LABELS:
                return False
            self._labels.extend(labels)
        self._wake.set()
        return True

    def count_refused_labels(self, labels: int) -> None:
        """Count labels that were not accepted."""
        with self._labels_lock:
            self._counts.labels["refused"][0] += labels

    def _queued(self) -> int:
        return self._queue.rows + len(self._labels)

    def _run(self) -> None:
        deadline = math.inf
        while True:
            if not self._stopping:
                self._wake.wait(self._flush_seconds)
            self._wake.clear()
            stopping = self._stopping
            if not stopping:
                time.sleep(min(0.05, self._flush_seconds))  # labels come in bursts
            else:
                deadline = min(deadline, time.monotonic() + _PATIENCE_SECONDS)
            is_empty = self._flush()
            # if stop was called during the flush, there is one more: all that was accepted before has to be written
            if stopping and (is_empty or time.monotonic() > deadline):
                break
            if stopping:
                time.sleep(0.1)
        self._database.close()

    def _flush(self) -> bool:
        """Write what is queued; returns whether the queues are empty."""
        try:
            self._survive(self._write_predictions)
            self._survive(self._write_labels)
            self._survive(self._match_again)
            if time.monotonic() - self._swept_at > _SWEEP_SECONDS:
                self._swept_at = time.monotonic()
                self._survive(self._sweep)
        except StoreError as error:
            if not self._is_down:
                self._is_down = True
                _log.warning("%s; up to %s predictions wait for it", error, f"{self._most_rows:,}")
            return False
        if self._is_down:
            self._is_down = False
            _log.info("the journal %s answers again", redact_url(self.location))
        return not self._queue and not self._labels

    def _survive(self, work: Callable[[], None]) -> None:
        """Do a part of the flush. Any error but StoreError drops the chunk at hand: it would fail again for ever."""
        try:
            work()
        except StoreError:
            raise
        except Exception:  # noqa: BLE001  # the thread must go on: what it cannot write is counted and logged
            _log.exception("the journal could not write some predictions")
            if self._runs:
                self._finish_chunk(self._counts.dropped)

    def _write_predictions(self) -> None:
        while self._runs or self._queue:
            if not self._runs:
                self._runs = self._queue.take_chunk()
            if self._chunk is None:
                self._chunk = pack_runs(self.process, self._runs)
            chunk = self._chunk
            self._database.append([self._runs[0].recorder.model], [chunk])
            self._finish_chunk(self._counts.stored)
            self._compactor.add(chunk)

    def _finish_chunk(self, outcome: memoryview[float]) -> None:
        self._queue.finish(self._runs, outcome)
        self._runs, self._chunk = [], None

    def _write_labels(self) -> None:
        while self._labels:
            with self._labels_lock:
                labels = list(islice(self._labels, _LABELS_PER_TRANSACTION))
            self._database.label(labels)
            unmatched = self._count_matched([row[:2] for row in labels])
            with self._labels_lock:
                for _ in labels:
                    self._labels.popleft()
            if unmatched:
                # another worker may have made the predictions, and not written them yet
                again_at = time.monotonic() + _FLUSHES_TO_UNKNOWN * self._flush_seconds
                self._unmatched.append((again_at, unmatched))
            self._write_predictions()  # predictions do not wait behind a million labels

    def _count_matched(self, keys: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Count the labels whose predictions are in the journal; returns the others."""
        owners = self._database.owners(keys)
        unmatched = [key for key, owner in zip(keys, owners, strict=True) if owner is None]
        self._counts.labels["matched"][0] += len(keys) - len(unmatched)
        return unmatched

    def _match_again(self) -> None:
        """Count labels whose predictions have had the time to be written as matched or unknown."""
        while self._unmatched and (self._stopping or self._unmatched[0][0] <= time.monotonic()):
            unknown = self._count_matched(self._unmatched[0][1])
            self._unmatched.popleft()
            self._counts.labels["unknown"][0] += len(unknown)

    def _sweep(self) -> None:
        if self._keep_days is not None or self._keep_bytes is not None:
            before = None if self._keep_days is None else self._clock() - 86_400 * self._keep_days
            self._database.sweep(before=before, most_bytes=self._keep_bytes)


def _process_name() -> str:
    """A unique name that sorts by time: 16 characters made of the seconds since 1970 and random bits."""
    letters = "0123456789abcdefghijklmnopqrstuv"
    number = int(time.time()) << 48 | secrets.randbits(48)
    return "".join(letters[number >> shift & 31] for shift in range(75, -1, -5))
