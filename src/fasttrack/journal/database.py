"""What the journal stores, in SQLite or PostgreSQL: the versions that predicted, chunks of predictions, and labels."""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.errors import ConfigError
from fasttrack.journal import retention
from fasttrack.journal.address import journal_location
from fasttrack.journal.connection import POSTGRES, Connection
from fasttrack.journal.predictions import Chunk, JournalModel, pack, unpack
from fasttrack.journal.tables import prepare
from fasttrack.schemes import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fasttrack.journal.connection import Cursor

__all__ = ["Database", "LabelRow", "Span", "existing_journal", "open_database"]

LabelRow = tuple[str, int, str, float]
"""Process and number of the prediction, the label as JSON, and when it came (seconds since 1970 UTC)."""

_HEAD = "process, start, rows, first, last, model, version"
_INSERT_CHUNK = (
    "INSERT INTO fasttrack_chunks (process, start, rows, first, last, model, version, content)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_LABELS = (
    "INSERT INTO fasttrack_labels (process, number, label, at) {}"
    " ON CONFLICT (process, number) DO UPDATE SET label = excluded.label, at = excluded.at"
    " WHERE excluded.at >= fasttrack_labels.at"
)
"""Workers write in any order: the label that came last counts, not the one that is written last."""
_RANGES_PER_QUERY = 300
"""Of three values each, in SQLite: it takes 999 parameters at least."""


@dataclass(frozen=True)
class Span:
    """The predictions of one version: how many, from when to when (seconds since 1970 UTC), in how many bytes."""

    model: str
    version: str
    rows: int
    first: float
    last: float
    size: int


def open_database(location: str) -> Database:
    """The journal at a file or a `postgresql://` URL; it is created if there is none. Used by one thread.

    Raises StoreError saying why it cannot be opened.
    """
    database = Database(location)
    database.connect()
    return database


def existing_journal(setting: str, store: str | Path) -> Database:
    """The journal of a setting such as FASTTRACK_JOURNAL, which must exist already.

    Raises ConfigError if it is off or does not exist, StoreError saying why it cannot be opened.
    """
    location = journal_location(setting, store)
    if location is None:
        raise ConfigError("the journal is off; name it with --journal")
    if not is_url(location) and not Path(location).exists():
        raise ConfigError(f"there is no journal at {location}; a server writes it: fasttrack serve --store {store}")
    return open_database(location)


class _IncompleteError(Exception):
    """Not all of the chunks to be replaced are stored."""


class Database:
    """The journal's contents. The connection is opened on first use, and again after an error."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._connection = Connection(location, prepare)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def connect(self) -> None:
        """Open the journal; create or migrate its tables where needed. Raises StoreError."""
        with self._connection.transaction():
            pass

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def append(self, models: Sequence[JournalModel], chunks: Sequence[Chunk]) -> None:
        """Store `chunks`, all or none; chunks that are stored already stay. Raises StoreError."""
        rows = [(model.model, model.version, msgspec.json.encode(model).decode()) for model in models]
        with self._connection.transaction() as cursor:
            cursor.executemany(
                "INSERT INTO fasttrack_models (model, version, about) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows
            )
            cursor.executemany(f"{_INSERT_CHUNK} ON CONFLICT DO NOTHING", [astuple(chunk) for chunk in chunks])

    def between(self, process: str, start: int, stop: int) -> list[Chunk]:
        """The chunks of a process that begin at number `start` or later, and before `stop`. Raises StoreError."""
        with self._connection.transaction() as cursor:
            cursor.execute(
                f"SELECT {_HEAD}, content FROM fasttrack_chunks "  # noqa: S608  # column names only
                "WHERE process = ? AND start >= ? AND start < ? ORDER BY start",
                (process, start, stop),
            )
            return [_chunk(*row) for row in cursor.fetchall()]

    def replace(self, chunks: int, merged: Chunk) -> bool:
        """Store one chunk in place of the `chunks` that it was merged from; `False` if some of them are gone.

        Raises StoreError.
        """
        with suppress(_IncompleteError), self._connection.transaction() as cursor:
            cursor.execute(
                "DELETE FROM fasttrack_chunks WHERE process = ? AND start >= ? AND start < ?",
                (merged.process, merged.start, merged.start + merged.rows),
            )
            if cursor.rowcount != chunks:
                raise _IncompleteError
            cursor.execute(_INSERT_CHUNK, astuple(merged))
            return True
        return False

    def label(self, labels: Sequence[LabelRow]) -> None:
        """Store labels, all or none. Of several labels of a prediction the one that came last counts.

        Raises StoreError.
        """
        latest = list({row[:2]: row for row in sorted(labels, key=lambda row: row[3])}.values())
        with self._connection.transaction() as cursor:
            if cursor.dialect is POSTGRES:  # one statement: a hundred thousand of them would take a minute
                source = (
                    "SELECT process, number, label, at FROM unnest(?::text[], ?::int8[], ?::text[], ?::float8[])"
                    " AS t (process, number, label, at)"
                )
                columns = [list(column) for column in zip(*latest, strict=True)] or [[]] * 4
                cursor.execute(_INSERT_LABELS.format(source), columns)
            else:
                cursor.executemany(_INSERT_LABELS.format("VALUES (?, ?, ?, ?)"), latest)

    def owners(self, ids: Sequence[tuple[str, int]]) -> list[tuple[str, str] | None]:
        """For each prediction, by process and number, its model and version; `None` if it is not in the journal.

        Raises StoreError.
        """
        limits: dict[str, tuple[int, int]] = {}
        for process, number in ids:
            least, most = limits.get(process, (number, number))
            limits[process] = min(least, number), max(most, number)
        ranges = [(process, least, most) for process, (least, most) in limits.items()]
        chunks: dict[str, list[tuple[int, int, tuple[str, str]]]] = {}
        with self._connection.transaction() as cursor:
            size = max(1, len(ranges)) if cursor.dialect is POSTGRES else _RANGES_PER_QUERY
            for first in range(0, len(ranges), size):
                _select_chunks(cursor, ranges[first : first + size])
                for process, start, rows, model, version in cursor.fetchall():
                    chunks.setdefault(process, []).append((start, start + rows, (model, version)))
        return [_owner(chunks.get(process, ()), number) for process, number in ids]

    def models(self) -> list[JournalModel]:
        """The versions that have predicted. Raises StoreError."""
        with self._connection.transaction() as cursor:
            cursor.execute("SELECT about FROM fasttrack_models ORDER BY model, version")
            return [msgspec.json.decode(about, type=JournalModel) for (about,) in cursor.fetchall()]

    def latest(self, model: str | None = None) -> JournalModel | None:
        """The version that predicted last, of all or of one model; `None` if none has. Raises StoreError."""
        condition, parameters = ("", ()) if model is None else ("WHERE fasttrack_chunks.model = ?", (model,))
        with self._connection.transaction() as cursor:
            cursor.execute(
                "SELECT about FROM fasttrack_chunks JOIN fasttrack_models USING (model, version) "  # noqa: S608  # placeholders only
                f"{condition} ORDER BY fasttrack_chunks.last DESC LIMIT 1",
                parameters,
            )
            row = cursor.fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=JournalModel)

    def chunks(
        self, since: float, *, model: str | None = None, most: int | None = None, oldest_first: bool = False
    ) -> Iterator[Chunk]:
        """Chunks with predictions from `since` on (seconds since 1970 UTC), by default the latest first.

        `most`: rows after which no further chunk is read. Raises StoreError.
        """
        order = "" if oldest_first else " DESC"
        with self._connection.transaction() as cursor:
            cursor.execute(
                f"SELECT {_HEAD} FROM fasttrack_chunks WHERE last >= ? ORDER BY last{order}, process, start",  # noqa: S608  # column names only
                (since,),
            )
            heads = [_chunk(*row) for row in cursor.fetchall()]
        read = 0
        for head in heads:
            if model is not None and head.model != model:
                continue
            if most is not None and read >= most:
                return
            # one at a time: a window may hold more than fits into memory
            chunk = self._read(head)
            if chunk is not None:  # else it has been swept away meanwhile
                read += chunk.rows
                yield chunk

    def _read(self, head: Chunk) -> Chunk | None:
        """A chunk with its content, even if it has been merged into another one meanwhile; `None` if it is gone."""
        with self._connection.transaction() as cursor:
            cursor.execute(
                f"SELECT {_HEAD}, content FROM fasttrack_chunks "  # noqa: S608  # column names only
                "WHERE process = ? AND start <= ? ORDER BY start DESC LIMIT 1",
                (head.process, head.start),
            )
            row = cursor.fetchone()
        if row is None:
            return None
        stored = _chunk(*row)
        begin = head.start - stored.start
        if begin >= stored.rows:
            return None
        if stored.rows == head.rows:
            return stored
        return replace(head, content=pack(unpack(stored.content).part(begin, begin + head.rows)))

    def spans(self) -> list[Span]:
        """The predictions of each version; the version that predicted last comes last. Raises StoreError."""
        with self._connection.transaction() as cursor:
            cursor.execute(
                "SELECT model, version, SUM(rows), MIN(first), MAX(last), SUM(LENGTH(content)) FROM fasttrack_chunks "
                "GROUP BY model, version ORDER BY MAX(last)"
            )
            return [
                Span(model, version, int(rows), first, last, int(size))
                for model, version, rows, first, last, size in cursor.fetchall()
            ]

    def labels_of(self, chunk: Chunk) -> dict[int, Any]:
        """The labels of a chunk by its rows. Raises StoreError."""
        with self._connection.transaction() as cursor:
            cursor.execute(
                "SELECT number, label FROM fasttrack_labels WHERE process = ? AND number >= ? AND number < ?",
                (chunk.process, chunk.start, chunk.start + chunk.rows),
            )
            rows = cursor.fetchall()
        labels = msgspec.json.decode(f"[{','.join([label for _, label in rows])}]")  # much faster than each by itself
        return dict(zip([number - chunk.start for number, _ in rows], labels, strict=True))

    def sweep(self, *, before: float | None = None, most_bytes: int | None = None) -> int:
        """Remove old predictions, then the oldest of too many: see `retention.sweep`."""
        return retention.sweep(self._connection, before=before, most_bytes=most_bytes)

    def size(self) -> int:
        """Bytes of the predictions and labels that are stored. Raises StoreError."""
        return retention.stored_bytes(self._connection)

    def labels(self) -> int:
        """How many labels are stored. Raises StoreError."""
        with self._connection.transaction() as cursor:
            cursor.execute("SELECT COUNT(*) FROM fasttrack_labels")
            return int(cursor.fetchone()[0])


def _select_chunks(cursor: Cursor, ranges: Sequence[tuple[str, int, int]]) -> None:
    """Select the chunks of each process that hold numbers from a least to a greatest one."""
    parameters: list[Any]
    if cursor.dialect is POSTGRES:
        table = "SELECT process, least, most FROM unnest(?::text[], ?::int8[], ?::int8[]) AS t (process, least, most)"
        parameters = [list(column) for column in zip(*ranges, strict=True)]
    else:
        table = f"VALUES {', '.join(['(?, ?, ?)'] * len(ranges))}"
        parameters = [value for row in ranges for value in row]
    cursor.execute(
        f"WITH ranges (process, least, most) AS ({table}) "  # noqa: S608  # placeholders only
        # CROSS: SQLite goes through the ranges, and looks each up by the key
        "SELECT chunks.process, chunks.start, chunks.rows, chunks.model, chunks.version "
        "FROM ranges CROSS JOIN fasttrack_chunks AS chunks "
        "WHERE chunks.process = ranges.process AND chunks.start <= ranges.most "
        "AND chunks.start + chunks.rows > ranges.least ORDER BY chunks.process, chunks.start",
        parameters,
    )


def _chunk(  # a parameter for each column of the table
    process: str, start: int, rows: int, first: float, last: float, model: str, version: str, content: bytes = b""
) -> Chunk:
    """The chunk of a row of the table."""
    return Chunk(process, start, rows, first, last, model, version, bytes(content))


def _owner(chunks: Sequence[tuple[int, int, tuple[str, str]]], number: int) -> tuple[str, str] | None:
    """The owner of the chunk that holds a number; `chunks` are (start, end, owner) in order, and do not overlap."""
    place = bisect_right(chunks, number, key=lambda chunk: chunk[0])
    return chunks[place - 1][2] if place and number < chunks[place - 1][1] else None
