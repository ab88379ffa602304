"""One connection to the journal's database. SQLite and PostgreSQL take the same statements, with `?` for parameters."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.errors import StoreError
from fasttrack.schemes import is_url
from fasttrack.urls import POSTGRES_ADVICE, may_quote_password, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["POSTGRES", "SQLITE", "Connection", "Cursor", "Dialect"]

_PATIENCE_SECONDS = 10.0
"""How long a statement waits for the locks of other processes."""


@dataclass(frozen=True)
class Dialect:
    """Where the two databases differ."""

    placeholder: str
    bytes_type: str
    text_bytes: str
    """Expression: how many bytes a text takes as UTF-8."""
    lock: tuple[str, ...]
    """Statements after which no other process creates or migrates the journal's tables until this transaction ends."""
    columns: str
    """Query: (table, whether it is an ordinary table, column) of the tables and views among `{names}`, in order."""
    indexes: str
    """Query: the names of a table's indexes."""
    rename_index: str
    """SQLite cannot rename one: it is removed there, and has to be created again."""
    lock_tables: str
    """Statement that waits until no other transaction uses some tables; empty where `lock` does that."""


SQLITE = Dialect(
    placeholder="?",
    bytes_type="BLOB",
    text_bytes="LENGTH(CAST({} AS BLOB))",
    lock=("BEGIN IMMEDIATE",),
    columns="SELECT LOWER(tables.name), tables.type = 'table', columns.name"
    " FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns"
    " WHERE tables.type IN ('table', 'view') AND LOWER(tables.name) IN ({names})"
    " ORDER BY tables.name, columns.cid",
    indexes="SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?",
    rename_index="DROP INDEX {old}",
    lock_tables="",
)
POSTGRES = Dialect(
    placeholder="%s",
    bytes_type="BYTEA",
    text_bytes="OCTET_LENGTH({})",
    # the number is the one that all versions of fasttrack lock
    lock=("SET LOCAL lock_timeout = '10s'", "SELECT pg_advisory_xact_lock(5470831)"),
    # to_regclass looks a name up as a statement would
    columns="SELECT tables.relname, tables.relkind = 'r', columns.attname"
    " FROM unnest(ARRAY[{names}]) AS name"
    " JOIN pg_class AS tables ON tables.oid = to_regclass(name)"
    " JOIN pg_attribute AS columns ON columns.attrelid = tables.oid"
    " WHERE columns.attnum > 0 AND NOT columns.attisdropped"
    " ORDER BY tables.relname, columns.attnum",
    indexes="SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid WHERE indrelid = to_regclass(?)",
    rename_index="ALTER INDEX {old} RENAME TO {new}",
    lock_tables="LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE",
)


class Cursor:
    """Runs statements in one transaction."""

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self._cursor = cursor
        self.dialect = dialect

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        sql = statement.replace("?", self.dialect.placeholder)
        if parameters:
            self._cursor.execute(sql, parameters)
        else:
            self._cursor.execute(sql)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row of parameters."""
        self._cursor.executemany(statement.replace("?", self.dialect.placeholder), rows)

    def fetchone(self) -> Any:
        """The next row of the result; `None` after the last."""
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        """All rows of the result."""
        rows: list[Any] = self._cursor.fetchall()
        return rows

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""
        count: int = self._cursor.rowcount
        return count


class Connection:
    """A connection that is opened on first use, and again after an error. Used by one thread at a time."""

    def __init__(self, location: str, prepare: Callable[[Cursor, str], None]) -> None:
        """`location`: a file or a `postgresql://` URL. `prepare` gets a cursor of each new connection and its name."""
        self.location = location
        self.dialect = POSTGRES if is_url(location) else SQLITE
        self._prepare = prepare
        self._connection: Any = None

    def close(self) -> None:
        """Close the connection, if it is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """A cursor whose statements take effect together at the end, or not at all. Raises StoreError."""
        try:
            if self._connection is None:
                self._connection = self._open()
            cursor = self._connection.cursor()
            try:
                yield Cursor(cursor, self.dialect)
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
        connection = self._connect_postgres() if self.dialect is POSTGRES else self._connect_sqlite()
        try:
            if self.dialect is SQLITE:
                # a committed write survives the end of the process; only a loss of power can undo the last ones
                _use_write_ahead_log(connection)
                connection.execute("PRAGMA synchronous = NORMAL")
            self._prepare(Cursor(connection.cursor(), self.dialect), redact_url(self.location))
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_sqlite(self) -> sqlite3.Connection:
        Path(self.location).parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(self.location, timeout=_PATIENCE_SECONDS, check_same_thread=False)

    def _connect_postgres(self) -> Any:
        try:
            import psycopg
        except ImportError:
            raise StoreError("a journal in PostgreSQL needs psycopg: pip install 'fasttrack-mlops[postgres]'") from None
        return psycopg.connect(self.location, connect_timeout=5)

    def _errors(self) -> tuple[type[Exception], ...]:
        if self.dialect is SQLITE:
            return (sqlite3.Error, OSError)
        try:
            import psycopg
        except ImportError:
            return (OSError,)
        return (psycopg.Error, OSError)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch a SQLite file to WAL, which stays so. SQLite does not wait by itself for others that switch just now."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _reason(error: Exception) -> str:
    """The driver's message in one line, and what to do."""
    text = " ".join(str(error).split()) or type(error).__name__
    if may_quote_password(text):
        return POSTGRES_ADVICE
    if "is locked" in text or "lock timeout" in text:
        return f"{text}; another process uses it, try again later"
    return f"{text}; check that it exists and can be written"
