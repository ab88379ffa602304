"""The queue of predictions in front of the journal: bounded in rows and memory, numbered, sampled, counted."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.journal.predictions import PredictionIds
from fasttrack.journal.recorder import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.journal.origin import Origins
    from fasttrack.journal.recorder import Recorder

    Floats = NDArray[np.float64]

__all__ = ["MOST_ROWS", "JournalCounts", "PredictionQueue"]

MOST_ROWS = 200_000
"""Ten seconds of the fastest server."""
_MOST_CELLS = 20_000_000
"""160 MB of a wide table."""
_CHUNK_ROWS = 50_000
_CHUNK_CELLS = 8_000_000
"""64 MB: databases do not take a value of a gigabyte."""


@dataclass
class JournalCounts:
    """Numbers to count in, which other processes of the server can read.

    `backlog`: predictions in the queue. `stored` and `dropped`: predictions that were written, and that were not.
    `labels`: by outcome.
    """

    backlog: memoryview[float]
    stored: memoryview[float]
    dropped: memoryview[float]
    labels: dict[str, memoryview[float]]


class PredictionQueue:
    """The predictions of one process that are not written yet. Any thread may add, one thread takes."""

    def __init__(
        self,
        process: str,
        counts: JournalCounts,
        origins: Origins,
        *,
        sample: float,
        most_rows: int,
        clock: Callable[[], float],
    ) -> None:
        self._process, self._counts, self._origins = process, counts, origins
        self._sample, self._most_rows, self._clock = sample, most_rows, clock
        self._runs: deque[Run] = deque()
        self._lock = threading.Lock()
        self._next = 0
        self._rows = self._cells = 0
        self._sample_debt = 0.0
        """Rows that should have been sampled, minus those that were."""

    def __bool__(self) -> bool:
        """Whether there are runs to take."""
        return bool(self._runs)

    @property
    def rows(self) -> int:
        """How many predictions were accepted and neither written nor dropped yet."""
        return self._rows

    def add(
        self, recorder: Recorder, batch: Batch, output: Floats, probabilities: Floats | None
    ) -> PredictionIds | None:
        """Add the rows of a run; returns their ids, or `None` if they are not in the sample or the queue is full."""
        rows = len(output)
        if not rows:
            return None
        words = recorder.unseen_words(batch)
        cells = batch.matrix.size + (_text_cells(words) if words else 0)
        with self._lock:
            if self._sample < 1 and not self._is_sampled(rows):
                return None
            if self._rows + rows > self._most_rows or self._cells + cells > _MOST_CELLS:
                self._counts.dropped[0] += rows
                return None
            start = self._next
            self._next = start + rows
            self._origins.record(start, self._next, recorder.model.target)
            self._rows += rows
            self._cells += cells
            self._counts.backlog[0] = self._rows
            self._runs.append(Run(recorder, start, self._clock(), batch.matrix, words, output, probabilities, cells))
        return PredictionIds(self._process, start, rows)

    def take_chunk(self) -> list[Run]:
        """Take the next runs that fit into one chunk: of one version, with consecutive numbers.

        They count as waiting until `finish` is called.
        """
        runs: list[Run] = []
        rows = cells = 0
        with self._lock:
            while self._runs and rows < _CHUNK_ROWS and cells < _CHUNK_CELLS:
                if runs and self._runs[0].recorder is not runs[0].recorder:
                    break
                runs.append(self._runs.popleft())
                rows += len(runs[-1].output)
                cells += runs[-1].cells
        return runs

    def finish(self, runs: list[Run], outcome: memoryview[float]) -> None:
        """Count the rows of runs that were taken as stored or dropped: `outcome` is a number of the counts."""
        rows = sum(len(run.output) for run in runs)
        with self._lock:
            self._rows -= rows
            self._cells -= sum(run.cells for run in runs)
            outcome[0] += rows
            self._counts.backlog[0] = self._rows

    def _is_sampled(self, rows: int) -> bool:
        """Whether a run is in the sample: taken evenly rather than at random, so that a small sample varies little.

        A run may have one row or many, so rows are counted. It is taken whole if that is nearer to the share.
        """
        self._sample_debt += self._sample * rows
        if self._sample_debt < rows / 2:
            return False
        self._sample_debt -= rows
        return True


def _text_cells(words: Mapping[int, Mapping[int, str]]) -> int:
    """The memory that words take, in cells of eight bytes: at most four bytes a character, and a Python object each."""
    texts = [word for by_row in words.values() for word in by_row.values()]
    return sum(map(len, texts)) // 2 + 16 * len(texts)
