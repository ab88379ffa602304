"""The counters behind drift: predicted rows by bin of each feature, and by bin of the prediction.

A request only copies its rows into a ring buffer; they are binned later, in a quiet moment. The buffer and the counts
are in shared memory. A process that exports the metrics also bins the rows that other processes have not binned yet,
even those of a process that was killed.
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

from fasttrack.metrics.allocation import allocate_file
from fasttrack.metrics.reference import Bins, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from prometheus_client.metrics_core import Metric

    from fasttrack.scoring.observer import Scored

    Floats = NDArray[np.float64]

__all__ = ["DriftSeries", "DriftTally"]

_ENDING = ".drift"
_RING_BYTES = 1 << 20
_PAGE = 4096
_NUMBERS_BYTES = 64
_STATE, _WRITTEN, _LENGTH = 0, 1, 2
"""Indices of the int64 numbers at the beginning of the memory. State: twice the number of binned rows, plus which of
the two sets of counts holds them (0 or 1). Written: the number of rows written. Length: the bytes of the header, which
follows the numbers; 0 until the file is complete."""


class _FileHeader(msgspec.Struct, frozen=True):
    """What a file counts, as JSON in the file. `capacity`: of the ring buffer, in rows."""

    model: str
    version: str
    reference: Reference
    capacity: int


@dataclass(frozen=True)
class _Layout:
    """The order of the counts: first those of each set of bins, then a count of values out of range for each set."""

    bins: list[Bins]
    starts: list[int]
    size: int

    @classmethod
    def of(cls, reference: Reference) -> _Layout:
        bins = [*reference.features, *([reference.prediction] if reference.prediction else [])]
        starts = np.cumsum([0, *(len(feature.names) for feature in bins)]).tolist()
        return cls(bins, starts[:-1], starts[-1] + len(bins))

    def count(self, rows: Floats) -> NDArray[np.int64]:
        """int64[size]: the counts of float64[n, k] rows, which have a column for each set of bins."""
        counts = np.zeros(self.size, dtype=np.int64)
        first_range = self.size - len(self.bins)
        columns = np.ascontiguousarray(rows.T)
        for j, (bins, start) in enumerate(zip(self.bins, self.starts, strict=True)):
            values = columns[j]
            counts[start : start + len(bins.names)] = bins.count(values)
            if bins.low is not None and bins.high is not None:
                counts[first_range + j] = np.count_nonzero((values < bins.low) | (values > bins.high))
        return counts


class _Memory:
    """Arrays over one block of memory: numbers, header, two sets of counts, and the ring buffer."""

    def __init__(self, buffer: mmap.mmap | bytes, header: _FileHeader) -> None:
        self.header = header
        self.layout = _Layout.of(header.reference)
        start = _counts_offset(header)
        self.numbers = np.frombuffer(buffer, np.int64, 8)
        self.counts = np.frombuffer(buffer, np.int64, 2 * self.layout.size, start).reshape(2, -1)
        width = len(self.layout.bins)
        self.end = start + self.counts.nbytes
        """Where the counts end and the ring buffer begins. The file of a process that has ended stops here."""
        capacity = header.capacity if len(buffer) > self.end else 0
        self.ring = np.frombuffer(buffer, np.float64, capacity * width, self.end).reshape(capacity, width)

    def totals(self) -> NDArray[np.int64]:
        """int64[size]: the counts of all rows that were written, binned or not."""
        state, written = int(self.numbers[_STATE]), int(self.numbers[_WRITTEN])
        totals: NDArray[np.int64] = self.counts[state & 1] + self.layout.count(self._rows(state >> 1, written))
        return totals

    def bin_rows(self) -> None:
        """Bin the rows that were written."""
        state, written = int(self.numbers[_STATE]), int(self.numbers[_WRITTEN])
        other = 1 - (state & 1)
        self.counts[other] = self.counts[state & 1] + self.layout.count(self._rows(state >> 1, written))
        self.numbers[_STATE] = 2 * written + other  # one word: a process killed before or after it loses nothing

    def _rows(self, start: int, stop: int) -> Floats:
        """The rows from number `start` up to `stop`."""
        return self.ring[np.arange(start, stop) % self.header.capacity]


class DriftTally:
    """Counts the rows that one version predicts. Any thread may call."""

    def __init__(self, header: _FileHeader, folder: Path | None) -> None:
        self.header = header
        self._writing, self._binning = threading.Lock(), threading.Lock()
        size = _size(header)
        self._file = None if folder is None else _create(folder, size)
        buffer = mmap.mmap(-1, size) if self._file is None else mmap.mmap(self._file, size)
        encoded = msgspec.json.encode(header)
        buffer[_NUMBERS_BYTES : _NUMBERS_BYTES + len(encoded)] = encoded
        self._numbers = memoryview(buffer)[:_NUMBERS_BYTES].cast("q")
        self._numbers[_LENGTH] = len(encoded)  # written last: other processes ignore the file until then
        self._memory = _Memory(buffer, header)
        self._ring = self._memory.ring
        columns = [bins.column for bins in header.reference.features]
        self._count = len(columns)
        # indexing with a slice is faster than with a list
        self._columns = slice(len(columns)) if columns == list(range(len(columns))) else columns

    def scored(self, event: Scored) -> None:
        """As Observer.scored."""
        self.add(event.batch.matrix, event.predictions.output)

    def add(self, matrix: Floats, prediction: Floats) -> None:
        """Add float64[n, f] rows and their float64[n] predictions: numbers, or indices of the classes."""
        numbers, capacity = self._numbers, self.header.capacity
        with self._writing:
            while len(matrix):
                written = numbers[_WRITTEN]
                place = written % capacity
                rows = min(len(matrix), capacity - place)
                if written + rows - (numbers[_STATE] >> 1) > capacity:
                    self.bin_rows()
                ring = self._ring[place : place + rows]
                ring[:, : self._count] = matrix[:rows, self._columns]
                ring[:, self._count] = prediction[:rows]
                numbers[_WRITTEN] = written + rows
                matrix, prediction = matrix[rows:], prediction[rows:]

    def bin_rows(self) -> None:
        """Bin the rows that were written. Rows that are added meanwhile do not wait for it."""
        with self._binning:
            if self.unbinned_rows:
                self._memory.bin_rows()

    def totals(self) -> NDArray[np.int64]:
        """int64[size]: the counts of all rows."""
        self.bin_rows()
        with self._binning:
            totals: NDArray[np.int64] = self._memory.counts[self._numbers[_STATE] & 1].copy()
            return totals

    @property
    def unbinned_rows(self) -> int:
        """How many rows are not binned yet."""
        return self._numbers[_WRITTEN] - (self._numbers[_STATE] >> 1)

    @property
    def file(self) -> tuple[int, int] | None:
        """Device and inode of the file, if there is one."""
        if self._file is None:
            return None
        status = os.fstat(self._file)
        return status.st_dev, status.st_ino


class DriftSeries(Collector):
    """The drift series of all versions that this process, and the processes that share its folder, have served."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._own: dict[tuple[str, str], DriftTally] = {}

    def tally(self, model: str, version: str, reference: Reference) -> DriftTally:
        """The counters of one version; the same ones when it serves again."""
        if (model, version) not in self._own:
            header = _FileHeader(model, version, reference, _capacity(reference))
            self._own[model, version] = DriftTally(header, self._folder)
        return self._own[model, version]

    def bin_rows(self) -> None:
        """Bin the rows that this process has predicted. Call it off the event loop: it takes some milliseconds."""
        for tally in list(self._own.values()):
            tally.bin_rows()

    def has_unbinned_rows(self) -> bool:
        """Whether this process has predicted rows that are not binned yet."""
        return any(tally.unbinned_rows for tally in self._own.values())

    def collect(self) -> Iterator[Metric]:
        """The series at this moment."""
        counts: dict[tuple[str, str], tuple[_FileHeader, NDArray[np.int64]]] = {}
        for header, totals in self._totals():
            key = (header.model, header.version)
            counts[key] = (header, counts[key][1] + totals if key in counts else totals)
        families = _Families()
        for header, totals in counts.values():
            families.add(header, totals)
        yield from families.all()

    def _totals(self) -> Iterator[tuple[_FileHeader, NDArray[np.int64]]]:
        """The counts of each process and version."""
        own = list(self._own.values())
        for tally in own:
            yield tally.header, tally.totals()
        if self._folder is None:
            return
        own_files = {tally.file for tally in own}
        for path in sorted(self._folder.glob(f"*{_ENDING}")):
            status = path.stat()
            if (status.st_dev, status.st_ino) not in own_files:
                _reclaim(path)
                if (memory := _read(path)) is not None:
                    yield memory.header, memory.totals()


class _Families:
    """Prometheus' metric families, filled version by version."""

    def __init__(self) -> None:
        of_version = ["model", "version"]
        of_feature = [*of_version, "feature"]
        self._rows = CounterMetricFamily(
            "fasttrack_feature_bin", "Predicted rows by bin of a feature.", labels=[*of_feature, "bin"]
        )
        self._shares = GaugeMetricFamily(
            "fasttrack_feature_reference_share", "Share of the training rows in a bin.", labels=[*of_feature, "bin"]
        )
        self._out_of_range = CounterMetricFamily(
            "fasttrack_feature_out_of_range", "Values outside the training range.", labels=of_feature
        )
        self._predictions = CounterMetricFamily(
            "fasttrack_prediction_bin", "Predictions by bin.", labels=[*of_version, "bin"]
        )
        self._prediction_shares = GaugeMetricFamily(
            "fasttrack_prediction_reference_share",
            "Share of the predictions on the hold-out in a bin.",
            labels=[*of_version, "bin"],
        )
        self._unwatched = GaugeMetricFamily(
            "fasttrack_features_unwatched",
            "Features without drift counters: only the most important ones have them.",
            labels=of_version,
        )

    def add(self, header: _FileHeader, totals: NDArray[np.int64]) -> None:
        """Add the int64[size] counts of a version."""
        layout, version = _Layout.of(header.reference), [header.model, header.version]
        self._unwatched.add_metric(version, header.reference.unwatched)
        for j, (bins, start) in enumerate(zip(layout.bins, layout.starts, strict=True)):
            of_prediction = bins.column < 0
            labels = version if of_prediction else [*version, bins.name]
            rows = self._predictions if of_prediction else self._rows
            shares = self._prediction_shares if of_prediction else self._shares
            for name, share, count in zip(bins.names, bins.shares, totals[start:].tolist(), strict=False):
                rows.add_metric([*labels, name], count)
                shares.add_metric([*labels, name], share)
            if bins.low is not None:
                self._out_of_range.add_metric(labels, int(totals[layout.size - len(layout.bins) + j]))

    def all(self) -> Iterator[Metric]:
        """The families, in the order of the page."""
        yield from (self._rows, self._shares, self._out_of_range)
        yield from (self._predictions, self._prediction_shares, self._unwatched)


def _capacity(reference: Reference) -> int:
    width = len(reference.features) + 1
    return max(512, _RING_BYTES // (8 * width))


def _counts_offset(header: _FileHeader) -> int:
    """Where the counts begin: on the first page behind the header."""
    return -(-(_NUMBERS_BYTES + len(msgspec.json.encode(header))) // _PAGE) * _PAGE


def _size(header: _FileHeader) -> int:
    layout = _Layout.of(header.reference)
    return _counts_offset(header) + 16 * layout.size + 8 * header.capacity * len(layout.bins)


def _create(folder: Path, size: int) -> int | None:
    """A new file, locked as long as this process lives; `None` if the disk has no room for it."""
    descriptor = allocate_file(folder / f"{os.getpid()}-{secrets.token_hex(4)}{_ENDING}", size)
    if descriptor is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _reclaim(path: Path) -> None:
    """If the process that wrote a file has ended, bin its last rows and cut off the ring buffer: workers die often."""
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        size = os.fstat(file.fileno()).st_size
        numbers = os.pread(file.fileno(), _NUMBERS_BYTES, 0).ljust(_NUMBERS_BYTES, b"\0")
        length = int(np.frombuffer(numbers, np.int64)[_LENGTH])
        if not length:
            return
        header = msgspec.json.decode(os.pread(file.fileno(), length, _NUMBERS_BYTES), type=_FileHeader)
        if size == _size(header):
            memory = _Memory(mmap.mmap(file.fileno(), size), header)
            memory.bin_rows()
            os.ftruncate(file.fileno(), memory.end)


def _read(path: Path) -> _Memory | None:
    """A consistent copy of another process's memory; `None` if the file is not complete yet."""
    while True:
        content = path.read_bytes()
        if len(content) < _PAGE:
            return None
        length = int(np.frombuffer(content, np.int64, 8)[_LENGTH])
        if not length:
            return None
        header = msgspec.json.decode(content[_NUMBERS_BYTES : _NUMBERS_BYTES + length], type=_FileHeader)
        try:
            memory = _Memory(content, header)
        except ValueError:  # another process has cut off the ring buffer meanwhile
            continue
        with path.open("rb") as file:
            state = int(np.frombuffer(file.read(_NUMBERS_BYTES), np.int64, 8)[_STATE])
        # if rows were binned meanwhile, new ones may have overwritten those that were read
        if state == int(memory.numbers[_STATE]):
            return memory
