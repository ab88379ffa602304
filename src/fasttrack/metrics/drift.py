"""What has been predicted, by bin of each feature and of the prediction: the counters behind drift.

A scored batch is copied into a ring of rows; binning them waits for a quiet moment. Ring and counts lie in shared
memory: whoever is asked counts what has not been binned yet too, also of a process that was killed.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from fasttrack.metrics.reference import Bins, Reference
from fasttrack.metrics.room import with_room

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from prometheus_client.metrics_core import Metric

    from fasttrack.scoring.scored import Scored

    Floats = NDArray[np.float64]

__all__ = ["DriftSeries", "DriftTally"]

_ENDING = ".drift"
_RING_BYTES = 1 << 20
_PAGE = 4096
_HEAD = 64
_STATE, _WRITTEN, _LENGTH = 0, 1, 2
"""Places of whole numbers at the head of the memory: twice the rows that were binned, plus which of two sets of counts
holds them; the rows that were written; the bytes of what the file says of itself, which follows."""


class _Head(msgspec.Struct, frozen=True):
    """What a file says of itself."""

    model: str
    version: str
    reference: Reference
    capacity: int


@dataclass(frozen=True)
class _Layout:
    """Where the numbers of a reference lie: one run of counts a set of bins, then one of those out of range."""

    bins: list[Bins]
    starts: list[int]
    size: int

    @classmethod
    def of(cls, reference: Reference) -> _Layout:
        bins = [*reference.features, *([reference.prediction] if reference.prediction else [])]
        starts = np.cumsum([0, *(len(one.names) for one in bins)]).tolist()
        return cls(bins, starts[:-1], starts[-1] + len(bins))

    def counted(self, rows: Floats) -> NDArray[np.int64]:
        """int64[size] of float64[n, k] rows, a column for each set of bins."""
        found = np.zeros(self.size, dtype=np.int64)
        first_range = self.size - len(self.bins)
        columns = np.ascontiguousarray(rows.T)
        for j, (one, start) in enumerate(zip(self.bins, self.starts, strict=True)):
            values = columns[j]
            found[start : start + len(one.names)] = one.count(values)
            if one.low is not None and one.high is not None:
                found[first_range + j] = np.count_nonzero((values < one.low) | (values > one.high))
        return found


class _Memory:
    """The head, two sets of counts, and the ring, over one stretch of memory."""

    def __init__(self, buffer: mmap.mmap | bytes, head: _Head) -> None:
        self.head = head
        self.layout = _Layout.of(head.reference)
        start = _start(head)
        self.numbers = np.frombuffer(buffer, np.int64, 8)
        self.counts = np.frombuffer(buffer, np.int64, 2 * self.layout.size, start).reshape(2, -1)
        width = len(self.layout.bins)
        self.end = start + self.counts.nbytes
        """Where the counts end and the ring begins, which a process that is gone has no longer."""
        capacity = head.capacity if len(buffer) > self.end else 0
        self.ring = np.frombuffer(buffer, np.float64, capacity * width, self.end).reshape(capacity, width)

    def totals(self) -> NDArray[np.int64]:
        """Everything that was written, binned or not."""
        state, written = int(self.numbers[_STATE]), int(self.numbers[_WRITTEN])
        found: NDArray[np.int64] = self.counts[state & 1] + self.layout.counted(self.rows(state >> 1, written))
        return found

    def settle(self) -> None:
        """Bin what has been written."""
        state, written = int(self.numbers[_STATE]), int(self.numbers[_WRITTEN])
        other = 1 - (state & 1)
        self.counts[other] = self.counts[state & 1] + self.layout.counted(self.rows(state >> 1, written))
        self.numbers[_STATE] = 2 * written + other  # one word: a process killed before or after it loses nothing

    def rows(self, start: int, stop: int) -> Floats:
        """The rows of the ring from number `start` up to `stop`."""
        return self.ring[np.arange(start, stop) % self.head.capacity]


class DriftTally:
    """Counts what one version predicts. Any thread may call."""

    def __init__(self, head: _Head, folder: Path | None) -> None:
        self.head = head
        self._writing, self._settling = threading.Lock(), threading.Lock()
        size = _size(head)
        self._file = None if folder is None else _create(folder, size)
        buffer = mmap.mmap(-1, size) if self._file is None else mmap.mmap(self._file, size)
        encoded = msgspec.json.encode(head)
        buffer[_HEAD : _HEAD + len(encoded)] = encoded
        self._numbers = memoryview(buffer)[:_HEAD].cast("q")
        self._numbers[_LENGTH] = len(encoded)  # the last word: before it the file does not count
        self._memory = _Memory(buffer, head)
        self._ring = self._memory.ring
        columns = [one.column for one in head.reference.features]
        self._count = len(columns)
        # a slice costs less than a list
        self._columns = slice(len(columns)) if columns == list(range(len(columns))) else columns

    def scored(self, event: Scored) -> None:
        """As Observer.scored."""
        self.seen(event.batch.matrix, event.predictions.output)

    def seen(self, matrix: Floats, prediction: Floats) -> None:
        """Take float64[n, f] scored rows, and float64[n] predictions: numbers, or indices of the classes."""
        numbers, capacity = self._numbers, self.head.capacity
        with self._writing:
            while len(matrix):
                written = numbers[_WRITTEN]
                place = written % capacity
                rows = min(len(matrix), capacity - place)
                if written + rows - (numbers[_STATE] >> 1) > capacity:
                    self.settle()
                ring = self._ring[place : place + rows]
                ring[:, : self._count] = matrix[:rows, self._columns]
                ring[:, self._count] = prediction[:rows]
                numbers[_WRITTEN] = written + rows
                matrix, prediction = matrix[rows:], prediction[rows:]

    def settle(self) -> None:
        """Bin what has been written. Rows that come meanwhile do not wait for it."""
        with self._settling:
            if self.waiting:
                self._memory.settle()

    def totals(self) -> NDArray[np.int64]:
        """int64[size]: everything that was written."""
        self.settle()
        with self._settling:
            found: NDArray[np.int64] = self._memory.counts[self._numbers[_STATE] & 1].copy()
            return found

    @property
    def waiting(self) -> int:
        """Rows that are not binned yet."""
        return self._numbers[_WRITTEN] - (self._numbers[_STATE] >> 1)

    @property
    def file(self) -> tuple[int, int] | None:
        """Which file it lies in: device and inode."""
        if self._file is None:
            return None
        found = os.fstat(self._file)
        return found.st_dev, found.st_ino


class DriftSeries(Collector):
    """The series of all versions that this process, and those that share its folder, have served."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._own: dict[tuple[str, str], DriftTally] = {}

    def tally(self, model: str, version: str, reference: Reference) -> DriftTally:
        """The counters of one version, the same ones when it serves again."""
        if (model, version) not in self._own:
            head = _Head(model, version, reference, _capacity(reference))
            self._own[model, version] = DriftTally(head, self._folder)
        return self._own[model, version]

    def settle(self) -> None:
        """Bin what this process has predicted. Off the event loop: it takes some milliseconds."""
        for tally in list(self._own.values()):
            tally.settle()

    def unsettled(self) -> bool:
        """Whether this process has predicted something that is not binned."""
        return any(tally.waiting for tally in self._own.values())

    def collect(self) -> Iterator[Metric]:
        """The series as they stand."""
        counts: dict[tuple[str, str], tuple[_Head, NDArray[np.int64]]] = {}
        for head, totals in self._totals():
            key = (head.model, head.version)
            counts[key] = (head, counts[key][1] + totals if key in counts else totals)
        of_model = ["model", "version"]
        of_feature = [*of_model, "feature", "bin"]
        bins = CounterMetricFamily("fasttrack_feature_bin", "Rows predicted, by bin of a feature.", labels=of_feature)
        shares = GaugeMetricFamily(
            "fasttrack_feature_reference_share", "Share of the training rows in a bin.", labels=of_feature
        )
        beyond = CounterMetricFamily(
            "fasttrack_feature_out_of_range", "Values outside the training range.", labels=of_feature[:-1]
        )
        told = CounterMetricFamily("fasttrack_prediction_bin", "Predictions, by bin.", labels=[*of_model, "bin"])
        told_shares = GaugeMetricFamily(
            "fasttrack_prediction_reference_share",
            "Share of the hold-out's predictions in it.",
            labels=[*of_model, "bin"],
        )
        unwatched = GaugeMetricFamily(
            "fasttrack_features_unwatched", "Features beyond the most important ones.", labels=of_model
        )
        for (model, version), (head, totals) in counts.items():
            layout = _Layout.of(head.reference)
            unwatched.add_metric([model, version], head.reference.unwatched)
            for j, (one, start) in enumerate(zip(layout.bins, layout.starts, strict=True)):
                labels = [model, version] if one.column < 0 else [model, version, one.name]
                for name, share, number in zip(one.names, one.shares, totals[start:].tolist(), strict=False):
                    (told if one.column < 0 else bins).add_metric([*labels, name], number)
                    (told_shares if one.column < 0 else shares).add_metric([*labels, name], share)
                if one.low is not None:
                    beyond.add_metric(labels, int(totals[layout.size - len(layout.bins) + j]))
        yield from (bins, shares, beyond, told, told_shares, unwatched)

    def _totals(self) -> Iterator[tuple[_Head, NDArray[np.int64]]]:
        own = list(self._own.values())
        for tally in own:
            yield tally.head, tally.totals()
        if self._folder is None:
            return
        mine = {tally.file for tally in own}
        for path in sorted(self._folder.glob(f"*{_ENDING}")):
            found = path.stat()
            if (found.st_dev, found.st_ino) not in mine:
                _bury(path)
                if (memory := _read(path)) is not None:
                    yield memory.head, memory.totals()


def _capacity(reference: Reference) -> int:
    width = len(reference.features) + 1
    return max(512, _RING_BYTES // (8 * width))


def _start(head: _Head) -> int:
    """Where the counts begin: on a page of their own, behind what the file says of itself."""
    return -(-(_HEAD + len(msgspec.json.encode(head))) // _PAGE) * _PAGE


def _size(head: _Head) -> int:
    layout = _Layout.of(head.reference)
    return _start(head) + 16 * layout.size + 8 * head.capacity * len(layout.bins)


def _create(folder: Path, size: int) -> int | None:
    descriptor = with_room(folder / f"{os.getpid()}-{secrets.token_hex(4)}{_ENDING}", size)
    if descriptor is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _bury(path: Path) -> None:
    """If the process that wrote a file is gone, bin what it left and give back the ring: workers may die often."""
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        size = os.fstat(file.fileno()).st_size
        length = int(np.frombuffer(os.pread(file.fileno(), _HEAD, 0).ljust(_HEAD, b"\0"), np.int64)[_LENGTH])
        if not length:
            return
        head = msgspec.json.decode(os.pread(file.fileno(), length, _HEAD), type=_Head)
        if size == _size(head):
            memory = _Memory(mmap.mmap(file.fileno(), size), head)
            memory.settle()
            os.ftruncate(file.fileno(), memory.end)


def _read(path: Path) -> _Memory | None:
    """Another process's numbers, as they are at one moment; `None` for a file that is being made."""
    while True:
        content = path.read_bytes()
        if len(content) < _PAGE:
            return None
        length = int(np.frombuffer(content, np.int64, 8)[_LENGTH])
        if not length:
            return None
        head = msgspec.json.decode(content[_HEAD : _HEAD + length], type=_Head)
        try:
            memory = _Memory(content, head)
        except ValueError:  # it was cut while it was read
            continue
        with path.open("rb") as file:
            state = int(np.frombuffer(file.read(_HEAD), np.int64, 8)[_STATE])
        # binning meanwhile would have let rows be written over those that were read
        if state == int(memory.numbers[_STATE]):
            return memory
