"""Numbers that several processes count: each writes its own in shared memory, and each can read those of all.

The kernel has a number as soon as it is counted, so a process that is killed loses none. There are no locks between
processes: each file has one writer, and readers do not wait for it.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fasttrack.metrics.allocation import allocate_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Key", "Ledger", "ProcessNumbers"]

Key = tuple[str, ...]
"""The name of a sample, and the values of its labels."""

_SEGMENT = 8192
"""Numbers in a file; pages that are not used cost no memory."""
_KEYS, _VALUES = ".keys", ".values"


@dataclass(frozen=True)
class ProcessNumbers:
    """What one process has counted. Of a process that is not alive only sums mean something."""

    alive: bool
    numbers: Mapping[Key, float]


@dataclass
class _Segment:
    """A block of numbers, and the keys of those in use. `file`: descriptor of the file with the keys, if shared."""

    values: memoryview[float]
    keys: list[Key] = field(default_factory=list)
    file: int | None = None


@dataclass
class _KeyReader:
    """The keys of another process that were read so far."""

    offset: int = 0
    keys: list[Key] = field(default_factory=list)


class Ledger:
    """The numbers of this process, and those of the processes that share `folder`; `None`: of no others."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._segments: list[_Segment] = []
        self._blocks: dict[tuple[Key, ...], memoryview[float]] = {}
        self._readers: dict[Path, _KeyReader] = {}
        self._allocating, self._reading = threading.Lock(), threading.Lock()

    def block(self, keys: Sequence[Key]) -> memoryview[float]:
        """The numbers (float64, 0 at first) of `keys`, to be increased in place by one thread at a time."""
        names = tuple(keys)
        block = self._blocks.get(names)
        if block is None:
            with self._allocating:  # a model may be loaded in a thread, beside the requests that are counted
                block = self._blocks.get(names)
                if block is None:
                    block = self._blocks[names] = self._allocate(names)
        return block

    def by_process(self) -> list[ProcessNumbers]:
        """The numbers of every process, this one first."""
        own = _sum_by_key(zip(segment.keys, segment.values, strict=False) for segment in self._segments)
        processes = [ProcessNumbers(True, own)]
        if self.folder is not None:
            others = sorted(path for path in self.folder.glob(f"*{_KEYS}") if not path.name.startswith(self._name))
            with self._reading:  # two scrapes may come at once
                processes.extend(map(self._read, others))
        return processes

    def _allocate(self, keys: tuple[Key, ...]) -> memoryview[float]:
        segment = self._segments[-1] if self._segments else None
        if segment is None or len(segment.keys) + len(keys) > len(segment.values):
            segment = self._new_segment(max(_SEGMENT, len(keys)))
            self._segments.append(segment)
        if segment.file is not None and not _append_keys(segment.file, keys):
            segment = _private_segment(max(_SEGMENT, len(keys)))
            self._segments.append(segment)
        start = len(segment.keys)
        segment.keys.extend(keys)
        return segment.values[start : start + len(keys)]

    def _new_segment(self, size: int) -> _Segment:
        if self.folder is None:
            return _private_segment(size)
        stem = f"{self._name}.{len(self._segments)}"
        descriptor = allocate_file(self.folder / (stem + _VALUES), 8 * size)
        if descriptor is None:
            return _private_segment(size)
        values = memoryview(mmap.mmap(descriptor, 8 * size)).cast("d")
        os.close(descriptor)
        keys = os.open(self.folder / (stem + _KEYS), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(keys, fcntl.LOCK_EX)  # held for as long as this process lives
        return _Segment(values, file=keys)

    def _read(self, path: Path) -> ProcessNumbers:
        """The numbers in one file of another process, by the file of their keys."""
        reader = self._readers.setdefault(path, _KeyReader())
        with path.open("rb") as file:
            file.seek(reader.offset)
            whole_lines = file.read().rpartition(b"\n")[0]
        if whole_lines:
            reader.keys.extend(tuple(json.loads(line)) for line in whole_lines.split(b"\n"))
            reader.offset += len(whole_lines) + 1
        values = memoryview(path.with_suffix(_VALUES).read_bytes()).cast("d")
        return ProcessNumbers(_is_alive(path), _sum_by_key([zip(reader.keys, values, strict=False)]))


def _private_segment(size: int) -> _Segment:
    """Numbers that no other process can read."""
    return _Segment(memoryview(mmap.mmap(-1, 8 * size)).cast("d"))


def _append_keys(file: int, keys: Sequence[Key]) -> bool:
    """Write a line for each key. If the disk is full, write nothing and return `False`."""
    lines = "".join(json.dumps(key) + "\n" for key in keys).encode()
    before = os.fstat(file).st_size
    try:
        if os.write(file, lines) == len(lines):
            return True
    except OSError:
        pass
    os.ftruncate(file, before)
    return False


def _is_alive(path: Path) -> bool:
    """Whether the process that wrote a file still runs: it holds a lock on the file until it ends."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _sum_by_key(parts: Iterable[Iterable[tuple[Key, float]]]) -> dict[Key, float]:
    sums: dict[Key, float] = {}
    for part in parts:
        for key, value in part:
            sums[key] = sums.get(key, 0.0) + value
    return sums
