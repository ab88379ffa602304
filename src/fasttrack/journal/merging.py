"""A process's small chunks made one, again and again: a server with few requests writes one for each of them.

Each is read by itself: a week of one prediction a second took longer to look through than the time until it is looked
at again. A prediction is written anew twice or thrice at most, since only chunks that were merged equally often are
merged (the log-structured merge tree of O'Neil et al., 1996).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.journal.predictions import joined

if TYPE_CHECKING:
    from fasttrack.journal.database import Database
    from fasttrack.journal.predictions import Chunk

__all__ = ["Merging"]

_AT_ONCE = 32
_MOST_ROWS = 50_000
_MOST_BYTES = 4_000_000
_MOST_SECONDS = 3600.0
"""From the first prediction to the last of a chunk, which goes as one when predictions have come of age."""


@dataclass(frozen=True)
class _Piece:
    """What a chunk says of itself beside its predictions. `times`: how often it was merged."""

    times: int
    owner: tuple[str, str]
    start: int
    stop: int
    first: float
    last: float
    bytes: int

    @classmethod
    def of(cls, chunk: Chunk, times: int) -> _Piece:
        stop, owner = chunk.start + chunk.rows, (chunk.model, chunk.version)
        return cls(times, owner, chunk.start, stop, chunk.first, chunk.last, len(chunk.content))


class Merging:
    """Follows what one process stores in a journal."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pieces: list[_Piece] = []
        """The latest, one behind the other, the most often merged first."""

    def stored(self, chunk: Chunk) -> None:
        """Take note of the process's next chunk, and merge what is to be merged now. Raises StoreError, DataError."""
        pieces, new = self._pieces, _Piece.of(chunk, 0)
        if pieces and (pieces[-1].stop, pieces[-1].owner) != (new.start, new.owner):
            pieces.clear()
        pieces.append(new)
        while len(pieces) >= _AT_ONCE and pieces[-_AT_ONCE].times == pieces[-1].times:
            due = pieces[-_AT_ONCE:]
            if not _fit(due):
                del pieces[: 1 - _AT_ONCE]  # the first of them stays as it is
                return
            del pieces[-_AT_ONCE:]
            found = self._database.between(chunk.process, due[0].start, due[-1].stop)
            # a sweep may have taken some, before they were read or after that
            if len(found) < _AT_ONCE or not self._database.replace(_AT_ONCE, merged := joined(found)):
                pieces.clear()
                return
            pieces.append(_Piece.of(merged, due[0].times + 1))


def _fit(pieces: list[_Piece]) -> bool:
    """Whether they may be one chunk."""
    return (
        pieces[-1].stop - pieces[0].start <= _MOST_ROWS
        and sum(piece.bytes for piece in pieces) <= _MOST_BYTES
        and pieces[-1].last - pieces[0].first <= _MOST_SECONDS
    )
