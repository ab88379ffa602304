"""Merges a process's small chunks into larger ones: a server with few requests writes a chunk for each of them.

A reader needs a query for each chunk, so a week with one prediction a second would take too long to read. Only chunks
that were merged equally often are merged, so that a prediction is rewritten three times at most (the log-structured
merge tree of O'Neil et al., 1996).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.journal.predictions import join_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.journal.database import Database
    from fasttrack.journal.predictions import Chunk

__all__ = ["Compactor"]

_MERGED_CHUNKS = 32
"""How many chunks become one."""
_MOST_ROWS = 50_000
_MOST_BYTES = 4_000_000
_MOST_SECONDS = 3600.0
"""From the first prediction of a chunk to the last: old predictions are removed by chunks."""


@dataclass(frozen=True)
class _Summary:
    """A chunk without its content. `level`: how often its predictions were merged."""

    level: int
    owner: tuple[str, str]
    start: int
    stop: int
    first: float
    last: float
    bytes: int

    @classmethod
    def of(cls, chunk: Chunk, level: int) -> _Summary:
        stop, owner = chunk.start + chunk.rows, (chunk.model, chunk.version)
        return cls(level, owner, chunk.start, stop, chunk.first, chunk.last, len(chunk.content))


class Compactor:
    """Merges the chunks that one process stores."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._latest: list[_Summary] = []
        """The last chunks, without a gap between them, the highest level first."""

    def add(self, chunk: Chunk) -> None:
        """Note the next chunk that the process has stored, and merge what is due. Raises StoreError, DataError."""
        latest, new = self._latest, _Summary.of(chunk, 0)
        if latest and (latest[-1].stop, latest[-1].owner) != (new.start, new.owner):
            latest.clear()
        latest.append(new)
        while len(latest) >= _MERGED_CHUNKS and latest[-_MERGED_CHUNKS].level == latest[-1].level:
            due = latest[-_MERGED_CHUNKS:]
            if not _may_merge(due):
                del latest[: 1 - _MERGED_CHUNKS]  # the first one stays as it is
                return
            del latest[-_MERGED_CHUNKS:]
            stored = self._database.between(chunk.process, due[0].start, due[-1].stop)
            # a sweep may have removed some, before they were read or afterwards
            if len(stored) < _MERGED_CHUNKS or not self._database.replace(len(stored), merged := join_chunks(stored)):
                latest.clear()
                return
            latest.append(_Summary.of(merged, due[0].level + 1))


def _may_merge(chunks: Sequence[_Summary]) -> bool:
    """Whether the chunks are within the limits of one chunk."""
    return (
        chunks[-1].stop - chunks[0].start <= _MOST_ROWS
        and sum(chunk.bytes for chunk in chunks) <= _MOST_BYTES
        and chunks[-1].last - chunks[0].first <= _MOST_SECONDS
    )
