"""Writing predictions in the background: the request path appends to a bounded queue, a thread does the rest.

A slow or dead database slows no prediction and loses none that fits into the queue; what does not is counted.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fasttrack.errors import StoreError
from fasttrack.journal.database import Database
from fasttrack.journal.merging import Merging
from fasttrack.journal.origin import Origins
from fasttrack.journal.predictions import Chunk, Entries, Identifiers, JournalModel, joined_words, pack
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract
    from fasttrack.journal.database import LabelRow

    Floats = NDArray[np.float64]

__all__ = ["Journal", "JournalCounts", "Recorder"]

_log = logging.getLogger("fasttrack")

_FLUSH_SECONDS = 1.0
_MOST_ROWS = 200_000
"""In the queue: ten seconds of the fastest server."""
_MOST_CELLS = 20_000_000
"""160 MB of a wide table."""
_MOST_LABELS = 1_000_000
_CHUNK_ROWS = 50_000
_CHUNK_CELLS = 8_000_000
"""64 MB: databases take no cell of a gigabyte."""
_NONE: Mapping[int, dict[int, str]] = {}
_UNSEEN = -1.0
"""The code of a category that the model does not know."""
_LABELS_AT_ONCE = 50_000
"""In one transaction: other workers wait for it, and for no longer than a second."""
_SETTLE_FLUSHES = 3
"""After so many a label's prediction is in the journal, whichever worker made it, or it is unknown."""
_SWEEP_SECONDS = 300
_PATIENCE_SECONDS = 5.0
"""How long a stopping server waits for a database that does not answer."""


@dataclass
class JournalCounts:
    """What became of the predictions; `numbers` are shared with the process's other counts."""

    backlog: memoryview[float]
    stored: memoryview[float]
    dropped: memoryview[float]
    labels: dict[str, memoryview[float]]


class _Scored(msgspec.Struct):
    """One run's rows. `unknown`: by place among the stored columns and row, the words that the model does not know."""

    recorder: Recorder
    start: int
    at: float
    matrix: Floats
    unknown: Mapping[int, dict[int, str]]
    output: Floats
    probabilities: Floats | None
    cells: int
    """What it takes in memory, in cells of eight bytes."""


class Recorder:
    """Takes the predictions of one version."""

    def __init__(self, journal: Journal, about: JournalModel, contract: Contract) -> None:
        self.about = about
        self._journal = journal
        kept = {column.name for column in about.columns}
        self.places = [j for j, column in enumerate(contract.columns) if column.name in kept]
        self.whole = len(self.places) == len(contract.columns)
        self._text = {j: place for place, j in enumerate(self.places) if contract.columns[j].kind == "category"}
        self._codes = np.array(list(self._text), dtype=np.intp)
        self._free = any(contract.columns[j].categories is None for j in self._text)
        """Whether there are columns in which the model knows no word, so that none is odd."""

    def seen(self, batch: Batch, output: Floats, probabilities: Floats | None) -> Identifiers | None:
        """Take scored rows; returns their ids, or `None` when they are not recorded.

        Costs a microsecond or so: the rows are written later.
        """
        return self._journal._take(self, batch, output, probabilities)

    def unknown(self, batch: Batch) -> Mapping[int, dict[int, str]]:
        """By place among the stored columns and row, what codes do not tell: words that the model does not know."""
        if not (self._text and (batch.unusual or self._free)):
            return _NONE
        away = batch.matrix[:, self._codes] == _UNSEEN
        if not away.any():
            return _NONE
        found: dict[int, dict[int, str]] = {}
        for (column, place), rows in zip(self._text.items(), away.T, strict=True):
            cells = batch.text[column]
            words = {row: word for row in np.flatnonzero(rows).tolist() if (word := cells[row]) is not None}
            if words:
                found[place] = words
        return found


class Journal:
    """One process's way into a journal. `start` and `stop` its thread."""

    def __init__(
        self,
        location: str,
        counts: JournalCounts,
        *,
        sample: float = 1.0,
        omit: Sequence[str] = (),
        keep_days: float | None = None,
        keep_bytes: int | None = None,
        flush_seconds: float = _FLUSH_SECONDS,
        most_rows: int = _MOST_ROWS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.location = location
        self.process = _process_name()
        self._counts = counts
        self._sample, self._omit = sample, tuple(omit)
        self._keep_days, self._keep_bytes = keep_days, keep_bytes
        self._flush_seconds, self._most_rows = flush_seconds, most_rows
        self._clock = clock
        self._queue: deque[_Scored] = deque()
        self._labels: deque[LabelRow] = deque()
        self._strays: deque[tuple[float, list[tuple[str, int]]]] = deque()
        self._waiting = 0
        self._cells = 0
        self._next = 0
        self._share = 0.0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.origins = Origins(location, self.process)
        """Which versions made the predictions that labels come for."""
        self._database = Database(location)
        self._merging = Merging(self._database)
        self._down = False
        self._swept = 0.0
        self._held: list[Chunk] = []
        self._held_models: list[JournalModel] = []
        self._held_rows = self._held_cells = 0

    def recorder(self, model: str, version: str, contract: Contract) -> Recorder:
        """What takes the predictions of a version."""
        about = JournalModel.of(model, version, contract, self._omit)
        self.origins.add(about)
        return Recorder(self, about, contract)

    def start(self) -> None:
        """Begin to write. The first failure to open the journal is told in the log, and tried again."""
        self._thread = threading.Thread(target=self._run, name="fasttrack-journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, for as long as the database takes it, and end the thread."""
        self._stopping = True
        self._wake.set()
        self.origins.close()
        while self._thread is not None and self._thread.is_alive():
            left = self._left()
            self._thread.join(2 * _PATIENCE_SECONDS)
            if self._left() >= left:
                break
        if self._left():
            _log.error(
                "the journal %s did not take %s predictions and %s labels before the server stopped: they are lost",
                redact_url(self.location),
                f"{self._waiting:,}",
                f"{len(self._labels):,}",
            )

    def _left(self) -> int:
        return self._waiting + len(self._labels)

    def feedback(self, labels: Sequence[LabelRow]) -> bool:
        """Take labels, all or none; `False` when so many wait already that they have to be sent again later."""
        with self._lock:
            if len(self._labels) + len(labels) > _MOST_LABELS:
                return False
            self._labels.extend(labels)
        self._wake.set()
        return True

    def refuse_feedback(self, labels: int) -> None:
        """Count labels that were not taken."""
        with self._lock:
            self._counts.labels["refused"][0] += labels

    def _take(self, recorder: Recorder, batch: Batch, output: Floats, shares: Floats | None) -> Identifiers | None:
        rows = len(output)
        if not rows:
            return None
        unknown = recorder.unknown(batch)
        cells = batch.matrix.size + (_room(unknown) if unknown else 0)
        with self._lock:
            if self._sample < 1 and not self._drawn(rows):
                return None
            if self._waiting + rows > self._most_rows or self._cells + cells > _MOST_CELLS:
                self._counts.dropped[0] += rows
                return None
            start = self._next
            self._next = start + rows
            self.origins.made(start, self._next, recorder.about.target)
            self._waiting += rows
            self._cells += cells
            self._counts.backlog[0] = self._waiting
            self._queue.append(_Scored(recorder, start, self._clock(), batch.matrix, unknown, output, shares, cells))
        return Identifiers(self.process, start, rows)

    def _drawn(self, rows: int) -> bool:
        """Whether a run is in the sample: evenly, not at random, so that a small sample is no lottery.

        A run may be one request or many, so rows are counted: it is taken whole where that comes nearer to the share.
        """
        self._share += self._sample * rows
        if self._share < rows / 2:
            return False
        self._share -= rows
        return True

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
            done = self._flush()
            # a stop that came during the flush has one of its own: what was accepted before it is written
            if stopping and (done or time.monotonic() > deadline):
                break
            if stopping:
                time.sleep(0.1)
        self._database.close()

    def _flush(self) -> bool:
        """Write what waits; whether all of it is written."""
        try:
            self._guarded(self._write)
            self._guarded(self._write_labels)
            self._guarded(self._settle)
            if time.monotonic() - self._swept > _SWEEP_SECONDS:
                self._swept = time.monotonic()
                self._guarded(self._sweep)
        except StoreError as error:
            if not self._down:
                self._down = True
                _log.warning("%s; predictions wait for it, up to %s of them", error, f"{self._most_rows:,}")
            return False
        if self._down:
            self._down = False
            _log.info("the journal %s answers again", redact_url(self.location))
        return not self._queue and not self._labels

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoreError:
            raise
        except Exception:  # noqa: BLE001  # the thread must live: what it cannot write is counted, not repeated for ever
            _log.exception("the journal could not write some predictions")
            self._forget()

    def _write(self) -> None:
        while self._held or self._queue:
            if not self._held:
                self._hold()
            if self._held:
                stored = self._held
                self._database.append(self._held_models, stored)
                self._release(self._counts.stored)
                for chunk in stored:
                    self._merging.stored(chunk)

    def _hold(self) -> None:
        """Take the head of the queue as chunks, which are kept until they are written."""
        parts: list[_Scored] = []
        rows = cells = 0
        with self._lock:
            while self._queue and rows < _CHUNK_ROWS and cells < _CHUNK_CELLS:
                # one chunk is of one version; numbers follow one another
                if parts and self._queue[0].recorder is not parts[0].recorder:
                    break
                parts.append(self._queue.popleft())
                rows += len(parts[-1].output)
                cells += parts[-1].cells
        if parts:
            self._held_rows, self._held_cells = rows, cells
            self._held_models = [parts[0].recorder.about]
            self._held = [self._chunk(parts)]

    def _chunk(self, parts: Sequence[_Scored]) -> Chunk:
        recorder, about = parts[0].recorder, parts[0].recorder.about
        output = np.concatenate([part.output for part in parts])
        lengths = [len(part.output) for part in parts]
        at = np.repeat([part.at for part in parts], lengths)
        matrix = np.concatenate([part.matrix for part in parts])
        words = joined_words([part.unknown for part in parts], lengths)
        if not recorder.whole:
            matrix = matrix[:, recorder.places]
        shares = None
        if parts[0].probabilities is not None:
            shares = np.concatenate([part.probabilities for part in parts if part.probabilities is not None])
        entries = Entries(at, matrix, output, shares, words)
        return Chunk(
            self.process, parts[0].start, len(at), parts[0].at, parts[-1].at, about.model, about.version, pack(entries)
        )

    def _release(self, counted: memoryview[float]) -> None:
        with self._lock:
            self._waiting -= self._held_rows
            self._cells -= self._held_cells
            counted[0] += self._held_rows
            self._counts.backlog[0] = self._waiting
        self._held, self._held_models = [], []
        self._held_rows = self._held_cells = 0

    def _forget(self) -> None:
        if self._held_rows:
            self._release(self._counts.dropped)

    def _write_labels(self) -> None:
        while self._labels:
            with self._lock:
                labels = list(islice(self._labels, _LABELS_AT_ONCE))
            self._database.label(labels)
            strays = self._matched([row[:2] for row in labels])
            with self._lock:
                for _ in labels:
                    self._labels.popleft()
            if strays:
                # another worker made them, maybe, and has not written them yet
                self._strays.append((time.monotonic() + _SETTLE_FLUSHES * self._flush_seconds, strays))
            self._write()  # predictions do not wait behind a million labels

    def _matched(self, keys: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Count the labels whose predictions the journal holds; returns the others."""
        owners = self._database.owners(keys)
        strays = [key for key, owner in zip(keys, owners, strict=True) if owner is None]
        self._counts.labels["matched"][0] += len(keys) - len(strays)
        return strays

    def _settle(self) -> None:
        """Count the labels whose predictions had their time to come."""
        while self._strays and (self._stopping or self._strays[0][0] <= time.monotonic()):
            unknown = self._matched(self._strays[0][1])
            self._strays.popleft()
            self._counts.labels["unknown"][0] += len(unknown)

    def _sweep(self) -> None:
        if self._keep_days is not None or self._keep_bytes is not None:
            before = None if self._keep_days is None else self._clock() - 86_400 * self._keep_days
            self._database.sweep(before=before, most_bytes=self._keep_bytes)


def _room(unknown: Mapping[int, Mapping[int, str]]) -> int:
    """What words take in memory, in cells of eight bytes: at most four bytes a letter, and an object each."""
    words = [word for found in unknown.values() for word in found.values()]
    return sum(map(len, words)) // 2 + 16 * len(words)


def _process_name() -> str:
    """A name that no other process has, and that sorts by time: 16 characters, seconds and chance."""
    letters = "0123456789abcdefghijklmnopqrstuv"
    number = int(time.time()) << 48 | secrets.randbits(48)
    return "".join(letters[number >> shift & 31] for shift in range(75, -1, -5))
