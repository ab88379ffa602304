"""Numbers that several processes count: each writes its own in shared memory, whoever is asked reads all of them.

A number is on its way to the kernel as soon as it is counted, so that a process killed at any moment takes none along.
Nobody waits for anybody: there is one writer a file, and readers take no lock.
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

from fasttrack.metrics.room import with_room

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Account", "Key", "Ledger", "is_alive"]

Key = tuple[str, ...]
"""The name of a series, and its labels' values."""

_SEGMENT = 8192
"""Numbers in a file; the pages of those that are not used cost nothing."""
_KEYS, _VALUES = ".keys", ".values"


@dataclass(frozen=True)
class Account:
    """What one process has counted. `alive`: whether it still runs, else only what adds up is of interest."""

    alive: bool
    numbers: Mapping[Key, float]


@dataclass
class _Segment:
    """A stretch of numbers, and as many keys as are given out; `file` shows them to other processes."""

    values: memoryview[float]
    keys: list[Key] = field(default_factory=list)
    file: int | None = None


@dataclass
class _Read:
    """What was read of another process's keys so far."""

    offset: int = 0
    keys: list[Key] = field(default_factory=list)


class Ledger:
    """This process's numbers, and a view of those of all that share `folder`; without one there are no others."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._segments: list[_Segment] = []
        self._blocks: dict[tuple[Key, ...], memoryview[float]] = {}
        self._others: dict[Path, _Read] = {}
        self._giving, self._reading = threading.Lock(), threading.Lock()

    def block(self, keys: Sequence[Key]) -> memoryview[float]:
        """The numbers (float64, 0 at first) of `keys`, to be counted up in place by one thread at a time."""
        wanted = tuple(keys)
        found = self._blocks.get(wanted)
        if found is None:
            with self._giving:  # a model is loaded beside the requests that are counted
                found = self._blocks.get(wanted)
                if found is None:
                    found = self._blocks[wanted] = self._give(wanted)
        return found

    def accounts(self) -> list[Account]:
        """Every process's numbers, this one's first."""
        found = [Account(True, _added(zip(one.keys, one.values, strict=False) for one in self._segments))]
        if self.folder is not None:
            others = sorted(path for path in self.folder.glob(f"*{_KEYS}") if not path.name.startswith(self._name))
            with self._reading:  # two may scrape at once
                found.extend(map(self._account, others))
        return found

    def _give(self, wanted: tuple[Key, ...]) -> memoryview[float]:
        segment = self._segments[-1] if self._segments else None
        if segment is None or len(segment.keys) + len(wanted) > len(segment.values):
            segment = self._open(max(_SEGMENT, len(wanted)))
            self._segments.append(segment)
        if segment.file is not None and not _appended(segment.file, wanted):
            segment = _own(max(_SEGMENT, len(wanted)))
            self._segments.append(segment)
        start = len(segment.keys)
        segment.keys.extend(wanted)
        return segment.values[start : start + len(wanted)]

    def _open(self, size: int) -> _Segment:
        if self.folder is None:
            return _own(size)
        stem = f"{self._name}.{len(self._segments)}"
        descriptor = with_room(self.folder / (stem + _VALUES), 8 * size)
        if descriptor is None:
            return _own(size)
        values = memoryview(mmap.mmap(descriptor, 8 * size)).cast("d")
        os.close(descriptor)
        keys = os.open(self.folder / (stem + _KEYS), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(keys, fcntl.LOCK_EX)  # held for as long as this process lives
        return _Segment(values, file=keys)

    def _account(self, path: Path) -> Account:
        read = self._others.setdefault(path, _Read())
        with path.open("rb") as file:
            file.seek(read.offset)
            whole = file.read().rpartition(b"\n")[0]
        if whole:
            read.keys.extend(tuple(json.loads(line)) for line in whole.split(b"\n"))
            read.offset += len(whole) + 1
        values = memoryview(path.with_suffix(_VALUES).read_bytes()).cast("d")
        return Account(is_alive(path), _added([zip(read.keys, values, strict=False)]))


def _own(size: int) -> _Segment:
    """Numbers that no other process sees."""
    return _Segment(memoryview(mmap.mmap(-1, 8 * size)).cast("d"))


def _appended(file: int, keys: Sequence[Key]) -> bool:
    """Write a line for each key, or nothing when the disk is full."""
    lines = "".join(json.dumps(key) + "\n" for key in keys).encode()
    before = os.fstat(file).st_size
    try:
        if os.write(file, lines) == len(lines):
            return True
    except OSError:
        pass
    os.ftruncate(file, before)
    return False


def is_alive(path: Path) -> bool:
    """Whether the process that holds the lock of a file still runs."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _added(parts: Iterable[Iterable[tuple[Key, float]]]) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for part in parts:
        for key, value in part:
            found[key] = found.get(key, 0.0) + value
    return found
