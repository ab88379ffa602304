"""The journal's tables in SQLite or PostgreSQL: the same statements, but for placeholders and the type of bytes."""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_right
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.errors import ConfigError, StoreError
from fasttrack.journal.address import journal_location
from fasttrack.journal.predictions import Chunk, JournalModel, pack, unpack
from fasttrack.urls import POSTGRES_ADVICE, may_quote_password, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Database", "LabelRow", "Span", "existing_journal", "open_database"]

LabelRow = tuple[str, int, str, float]
"""Process and number of the prediction, the label as JSON, and when it came (seconds since 1970 UTC)."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS models (model TEXT NOT NULL, version TEXT NOT NULL, about TEXT NOT NULL,"
    " PRIMARY KEY (model, version))",
    "CREATE TABLE IF NOT EXISTS chunks (process TEXT NOT NULL, start BIGINT NOT NULL, rows BIGINT NOT NULL,"
    " first DOUBLE PRECISION NOT NULL, last DOUBLE PRECISION NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL,"
    " content {bytes} NOT NULL, PRIMARY KEY (process, start))",
    "CREATE INDEX IF NOT EXISTS chunks_last ON chunks (last)",
    "CREATE TABLE IF NOT EXISTS labels (process TEXT NOT NULL, number BIGINT NOT NULL, label TEXT NOT NULL,"
    " at DOUBLE PRECISION NOT NULL, PRIMARY KEY (process, number))",
    "CREATE INDEX IF NOT EXISTS labels_at ON labels (at)",
)
_INTO_LABELS = (
    "INSERT INTO labels {} ON CONFLICT (process, number) DO UPDATE SET label = excluded.label, at = excluded.at"
    " WHERE excluded.at >= labels.at"
)
"""Workers write in any order: what came later counts, not what is written later."""
_INTO_CHUNKS = "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_MANY = 500
"""Chunks that are removed at a time."""
_STRAYS = 20_000
"""Labels of no stored prediction that are removed at a time."""
_LABEL_BYTES = 70
"""What a label takes on the disk beside its text, with the entries of both indexes: 70 to 80 bytes in SQLite."""
_NOBODYS = (
    "COALESCE((SELECT start + rows FROM chunks WHERE chunks.process = labels.process AND start <= number"
    " ORDER BY start DESC LIMIT 1), 0) <= number"
)
"""Of a label, that no stored prediction is its own: the last chunk to begin before it has ended, or there is none."""
_PROCESSES = 300
"""That are looked up at a time in SQLite, by three values each: it takes at least 999."""


@dataclass(frozen=True)
class Span:
    """The predictions of one version: how many, from when to when (seconds since 1970 UTC), in how many bytes."""

    model: str
    version: str
    rows: int
    first: float
    last: float
    size: int


@dataclass(frozen=True)
class _Dialect:
    placeholder: str
    bytes: str
    label_size: str
    """Bytes that a label takes."""


_SQLITE = _Dialect("?", "BLOB", f"(LENGTH(CAST(label AS BLOB)) + {_LABEL_BYTES})")
_POSTGRES = _Dialect("%s", "BYTEA", f"(OCTET_LENGTH(label) + {_LABEL_BYTES})")


def open_database(location: str) -> Database:
    """The journal at a file or a `postgresql://` URL, which is made if it is not there. Used by one thread.

    Raises StoreError saying why it cannot be opened.
    """
    database = Database(location)
    database.connect()
    return database


def existing_journal(setting: str, store: str | Path) -> Database:
    """The journal of a setting such as FASTTRACK_JOURNAL, which must be there already.

    Raises ConfigError when it is off or not there, StoreError saying why it cannot be opened.
    """
    location = journal_location(setting, store)
    if location is None:
        raise ConfigError("the journal is off; name it with --journal")
    if "://" not in location and not Path(location).exists():
        raise ConfigError(f"there is no journal at {location}; a server writes it: fasttrack serve --store {store}")
    return open_database(location)


class _GoneError(Exception):
    """What was to be replaced is not there."""


class Database:
    """A connection that is opened when it is needed, and anew after an error."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._postgres = "://" in location
        self._dialect = _POSTGRES if self._postgres else _SQLITE
        self._connection: Any = None

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def connect(self) -> None:
        """Open the journal, and make its tables. Raises StoreError."""
        with self._transaction():
            pass

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def append(self, models: Sequence[JournalModel], chunks: Sequence[Chunk]) -> None:
        """Store `chunks`, all or none; those that are there already stay. Raises StoreError."""
        about = [(one.model, one.version, msgspec.json.encode(one).decode()) for one in models]
        with self._transaction() as cursor:
            cursor.executemany(self._sql("INSERT INTO models VALUES (?, ?, ?) ON CONFLICT DO NOTHING"), about)
            cursor.executemany(self._sql(f"{_INTO_CHUNKS} ON CONFLICT DO NOTHING"), [astuple(one) for one in chunks])

    def between(self, process: str, start: int, stop: int) -> list[Chunk]:
        """The chunks of a process that begin at number `start` or later, and before `stop`. Raises StoreError."""
        statement = "SELECT * FROM chunks WHERE process = ? AND start >= ? AND start < ? ORDER BY start"
        with self._transaction() as cursor:
            cursor.execute(self._sql(statement), (process, start, stop))
            return [_chunk(*row) for row in cursor.fetchall()]

    def replace(self, chunks: int, merged: Chunk) -> bool:
        """Store one chunk in place of so many that it was made of; `False` if they are not all there any more.

        Raises StoreError.
        """
        statement = "DELETE FROM chunks WHERE process = ? AND start >= ? AND start < ?"
        with suppress(_GoneError), self._transaction() as cursor:
            cursor.execute(self._sql(statement), (merged.process, merged.start, merged.start + merged.rows))
            if cursor.rowcount != chunks:
                raise _GoneError
            cursor.execute(self._sql(_INTO_CHUNKS), astuple(merged))
            return True
        return False

    def label(self, labels: Sequence[LabelRow]) -> None:
        """Store labels, all or none; of several for one prediction the one that came last counts, whoever writes it.

        Raises StoreError.
        """
        latest = list({row[:2]: row for row in sorted(labels, key=lambda row: row[3])}.values())
        with self._transaction() as cursor:
            if self._postgres:  # one statement: a hundred thousand of them would take a minute
                cursor.execute(
                    _INTO_LABELS.format("SELECT * FROM unnest(%s::text[], %s::int8[], %s::text[], %s::float8[])"),
                    [list(column) for column in zip(*latest, strict=True)] or [[]] * 4,
                )
            else:
                cursor.executemany(_INTO_LABELS.format("VALUES (?, ?, ?, ?)"), latest)

    def owners(self, ids: Sequence[tuple[str, int]]) -> list[tuple[str, str] | None]:
        """Of each prediction, by process and number, the model and version; `None` if it is not in the journal.

        Raises StoreError.
        """
        ends: dict[str, tuple[int, int]] = {}
        for process, number in ids:
            least, most = ends.get(process, (number, number))
            ends[process] = min(least, number), max(most, number)
        spans: dict[str, list[tuple[int, int, tuple[str, str]]]] = {}
        wanted = [(process, least, most) for process, (least, most) in ends.items()]
        at_once = max(1, len(wanted)) if self._postgres else _PROCESSES
        with self._transaction() as cursor:
            for first in range(0, len(wanted), at_once):
                self._select_spans(cursor, wanted[first : first + at_once])
                for process, start, rows, model, version in cursor.fetchall():
                    spans.setdefault(process, []).append((start, start + rows, (model, version)))
        return [_owner(spans.get(process, ()), number) for process, number in ids]

    def _select_spans(self, cursor: Any, wanted: Sequence[tuple[str, int, int]]) -> None:
        """Ask for the chunks that lie between two numbers of a process, of many processes at once."""
        if self._postgres:
            table = "unnest(%s::text[], %s::int8[], %s::int8[])"
            given: list[Any] = [list(column) for column in zip(*wanted, strict=True)]
        else:
            table = f"(VALUES {', '.join(['(?, ?, ?)'] * len(wanted))})"
            given = [value for row in wanted for value in row]
        cursor.execute(
            f"WITH wanted (process, least, most) AS (SELECT * FROM {table} AS given) "  # noqa: S608  # placeholders only
            # CROSS: SQLite goes through what is wanted, and looks each up by the key
            "SELECT chunks.process, start, rows, model, version FROM wanted CROSS JOIN chunks "
            "WHERE chunks.process = wanted.process AND start <= most AND start + rows > least "
            "ORDER BY chunks.process, start",
            given,
        )

    def models(self) -> list[JournalModel]:
        """The versions that have predicted. Raises StoreError."""
        with self._transaction() as cursor:
            cursor.execute("SELECT about FROM models ORDER BY model, version")
            return [msgspec.json.decode(about, type=JournalModel) for (about,) in cursor.fetchall()]

    def latest(self, model: str | None = None) -> JournalModel | None:
        """The version that predicted last, of all or of one model; `None` if none has. Raises StoreError."""
        statement = "SELECT models.about FROM chunks JOIN models USING (model, version)"
        chosen = ("", ()) if model is None else (" WHERE chunks.model = ?", (model,))
        with self._transaction() as cursor:
            cursor.execute(self._sql(f"{statement}{chosen[0]} ORDER BY chunks.last DESC LIMIT 1"), chosen[1])
            found = cursor.fetchone()
        return None if found is None else msgspec.json.decode(found[0], type=JournalModel)

    def chunks(
        self, since: float, *, model: str | None = None, most: int | None = None, oldest_first: bool = False
    ) -> Iterator[Chunk]:
        """Chunks with predictions from `since` on (seconds since 1970 UTC), the latest first unless told otherwise.

        `most`: rows after which no further chunk is read. Raises StoreError.
        """
        statement = "SELECT process, start, rows, first, last, model, version FROM chunks WHERE last >= ? ORDER BY last"
        way = "" if oldest_first else " DESC"
        with self._transaction() as cursor:
            cursor.execute(self._sql(f"{statement}{way}, process, start"), (since,))
            heads = cursor.fetchall()
        read = 0
        for head in heads:
            if model is not None and head[5] != model:
                continue
            if most is not None and read >= most:
                return
            # one at a time: a window may hold more than fits into memory
            chunk = self._read(_chunk(*head))
            if chunk is not None:  # else it has been swept away meanwhile
                read += chunk.rows
                yield chunk

    def _read(self, head: Chunk) -> Chunk | None:
        """A chunk with its content, also if it has become part of another meanwhile."""
        statement = "SELECT * FROM chunks WHERE process = ? AND start <= ? ORDER BY start DESC LIMIT 1"
        with self._transaction() as cursor:
            cursor.execute(self._sql(statement), (head.process, head.start))
            row = cursor.fetchone()
        if row is None:
            return None
        found = _chunk(*row)
        begin = head.start - found.start
        if begin >= found.rows:
            return None
        if found.rows == head.rows:
            return found
        return replace(head, content=pack(unpack(found.content).part(begin, begin + head.rows)))

    def spans(self) -> list[Span]:
        """Of each version how many predictions there are, and from when to when; the latest last. Raises StoreError."""
        with self._transaction() as cursor:
            cursor.execute(
                "SELECT model, version, SUM(rows), MIN(first), MAX(last), SUM(LENGTH(content)) FROM chunks "
                "GROUP BY model, version ORDER BY MAX(last)"
            )
            return [
                Span(model, version, int(rows), first, last, int(size))
                for model, version, rows, first, last, size in cursor.fetchall()
            ]

    def labels_of(self, chunk: Chunk) -> dict[int, Any]:
        """By row of a chunk the label that was given. Raises StoreError."""
        statement = "SELECT number, label FROM labels WHERE process = ? AND number >= ? AND number < ?"
        with self._transaction() as cursor:
            cursor.execute(self._sql(statement), (chunk.process, chunk.start, chunk.start + chunk.rows))
            found = cursor.fetchall()
        labels = msgspec.json.decode(f"[{','.join([label for _, label in found])}]")  # much faster than each by itself
        return dict(zip([number - chunk.start for number, _ in found], labels, strict=True))

    def sweep(self, *, before: float | None = None, most_bytes: int | None = None) -> int:
        """Remove predictions from before a time, and the oldest while all takes more bytes; returns how many rows.

        Labels go with their predictions; those of no stored prediction when they are as old, and before any prediction
        has to make room, the oldest first: whoever sends labels for nothing must not drive out what was predicted.
        Raises StoreError.
        """
        removed = 0
        if before is not None:
            removed += self._remove(before)
            with self._transaction() as cursor:
                cursor.execute(self._sql("DELETE FROM labels WHERE at < ?"), (before,))
        if most_bytes is not None:
            self._remove_strays(most_bytes)
            while (excess := self.size() - most_bytes) > 0:
                until = self._oldest(excess)
                if until is None:
                    break
                removed += self._remove(math.nextafter(until, math.inf))
        return removed

    def size(self) -> int:
        """Bytes of the predictions and labels that are stored. Raises StoreError."""
        with self._transaction() as cursor:
            cursor.execute(
                "SELECT (SELECT COALESCE(SUM(LENGTH(content)), 0) FROM chunks)"  # noqa: S608  # no value in it
                f" + (SELECT COALESCE(SUM({self._dialect.label_size}), 0) FROM labels)"
            )
            return int(cursor.fetchone()[0])

    def labels(self) -> int:
        """Labels that are stored. Raises StoreError."""
        with self._transaction() as cursor:
            cursor.execute("SELECT COUNT(*) FROM labels")
            return int(cursor.fetchone()[0])

    def _remove_strays(self, most_bytes: int) -> None:
        """Remove the oldest labels of no stored prediction while all takes more bytes, or until there are none."""
        excess = self.size() - most_bytes
        since = -math.inf
        while excess > 0:
            with self._transaction() as cursor:
                cursor.execute(
                    self._sql(
                        f"SELECT process, number, at, {self._dialect.label_size} FROM labels "  # noqa: S608  # no value in it
                        f"WHERE at >= ? AND {_NOBODYS} ORDER BY at LIMIT ?"
                    ),
                    (since, _STRAYS),
                )
                strays = cursor.fetchall()
                keys = []
                for process, number, since, size in strays:  # noqa: B007  # where the next look begins
                    if excess <= 0:
                        break
                    keys.append((process, number))
                    excess -= size
                cursor.executemany(self._sql("DELETE FROM labels WHERE process = ? AND number = ?"), keys)
            if len(strays) < _STRAYS:
                return

    def _oldest(self, size: int) -> float | None:
        """When the last of the oldest chunks was made that take so many bytes, or of some; `None` if there are none."""
        with self._transaction() as cursor:
            cursor.execute(
                self._sql(
                    f"SELECT last, LENGTH(content) + (SELECT COALESCE(SUM({self._dialect.label_size}), 0) FROM labels "  # noqa: S608
                    "WHERE labels.process = chunks.process AND number >= start AND number < start + rows) "
                    "FROM chunks ORDER BY last LIMIT ?"
                ),
                (_MANY,),
            )
            oldest = cursor.fetchall()
        for last, taken in oldest:
            size -= taken
            if size <= 0:
                return float(last)
        return float(oldest[-1][0]) if oldest else None

    def _remove(self, before: float) -> int:
        with self._transaction() as cursor:
            cursor.execute(self._sql("SELECT process, start, rows FROM chunks WHERE last < ?"), (before,))
            removed = 0
            for process, start, rows in cursor.fetchall():
                cursor.execute(
                    self._sql("DELETE FROM chunks WHERE process = ? AND start = ? AND rows = ?"), (process, start, rows)
                )
                if cursor.rowcount:  # else it has been merged with younger ones meanwhile, and stays
                    cursor.execute(
                        self._sql("DELETE FROM labels WHERE process = ? AND number >= ? AND number < ?"),
                        (process, start, start + rows),
                    )
                    removed += rows
        return removed

    def _sql(self, statement: str) -> str:
        return statement.replace("?", self._dialect.placeholder)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            if self._connection is None:
                self._connection = self._open()
            cursor = self._connection.cursor()
            try:
                yield cursor
                self._connection.commit()
            finally:
                with suppress(Exception):
                    cursor.close()
        except self._errors() as error:
            self.close()
            raise StoreError(f"the journal {redact_url(self.location)} cannot be used: {_reason(error)}") from None
        except BaseException:
            if self._connection is not None:
                with suppress(Exception):
                    self._connection.rollback()
            raise

    def _open(self) -> Any:
        connection = self._open_postgres() if self._postgres else self._open_sqlite()
        cursor = connection.cursor()
        if self._postgres:
            # several workers start together: making the same table twice at once is an error
            cursor.execute("SELECT pg_advisory_xact_lock(5470831)")
        for statement in _TABLES:
            cursor.execute(statement.format(bytes=self._dialect.bytes))
        connection.commit()
        return connection

    def _open_sqlite(self) -> sqlite3.Connection:
        Path(self.location).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.location, timeout=10, check_same_thread=False)
        # a write is on its way to the disk when it returns; only a loss of power can take the last one along
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    def _open_postgres(self) -> Any:
        try:
            import psycopg
        except ImportError:
            raise StoreError("a journal in PostgreSQL needs psycopg: pip install 'fasttrack-mlops[postgres]'") from None
        return psycopg.connect(self.location, connect_timeout=5)

    def _errors(self) -> tuple[type[Exception], ...]:
        if not self._postgres:
            return (sqlite3.Error, OSError)
        try:
            import psycopg
        except ImportError:
            return (OSError,)
        return (psycopg.Error, OSError)


def _chunk(
    process: str, start: int, rows: int, first: float, last: float, model: str, version: str, content: bytes = b""
) -> Chunk:
    """What a row of the table holds."""
    return Chunk(process, start, rows, first, last, model, version, bytes(content))


def _owner(spans: Sequence[tuple[int, int, tuple[str, str]]], number: int) -> tuple[str, str] | None:
    """Of the chunk that holds a number; `spans` are (start, end, owner) in order, and do not overlap."""
    place = bisect_right(spans, number, key=lambda span: span[0])
    return spans[place - 1][2] if place and number < spans[place - 1][1] else None


def _reason(error: Exception) -> str:
    """The driver's message in one line, and what to do."""
    text = " ".join(str(error).split()) or type(error).__name__
    return POSTGRES_ADVICE if may_quote_password(text) else f"{text}; check that it is there, and may be written"
