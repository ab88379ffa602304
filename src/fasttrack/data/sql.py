"""Tables and queries of PostgreSQL and SQLite → Arrow."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.addresses import shown
from fasttrack.data.kinds import recognise
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fasttrack.data.request import Request

__all__ = ["read_postgres", "read_sqlite"]

_AT_ONCE = 50_000
"""Rows of SQLite that are turned into columns at a time."""


def read_postgres(request: Request) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a query or a table, over ADBC: column by column, in PostgreSQL's own binary form.

    What the URL leaves out comes from the PG* environment variables. Raises DataError saying what was refused.
    """
    name = shown(request.source)
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise DataError(f"{name}: reading from PostgreSQL needs pip install 'fasttrack-mlops[sources]'") from None
    try:
        with dbapi.connect(request.source) as connection, connection.cursor() as cursor:
            cursor.execute(_selected(request, '"'))
            table = cursor.fetch_arrow_table()
    except (dbapi.Error, OSError) as error:
        raise DataError(f"{name} cannot be read: {_reason(error, request.source)}") from None
    yield name, _spelled(_understood(table), request.nulls)


def read_sqlite(request: Request) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a query or a table of `sqlite:///FILE`. Raises DataError, also where a column has mixed types."""
    name = request.source
    path = Path(name.partition("://")[2].removeprefix("/"))
    if not path.is_file():
        raise DataError(f"{name}: there is no file {path}; write sqlite:///FILE, or sqlite:////FILE for a path from /")
    try:
        # a file that is only read is opened so: nothing is made of a wrong name, or left beside it
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        try:
            cursor = connection.execute(_selected(request, '"'))
            names = [column[0] for column in cursor.description or ()]
            parts = [_columns(rows, names, name) for rows in iter(lambda: cursor.fetchmany(_AT_ONCE), [])]
            declared = _declared(connection, request.table, names)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DataError(f"{name} cannot be read: {error}; check the query or the table's name") from None
    try:
        table = pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({one: [] for one in names})
    except pa.ArrowException as error:
        raise DataError(f"{name}: {' '.join(str(error).split())}; cast the column in a --query") from None
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if re.search("BOOL", declared.get(field.name, "")) and pa.types.is_integer(field.type):
            table = table.set_column(index, field.name, pc.cast(column, pa.bool_()))
        elif pa.types.is_string(field.type) and field.name not in request.kinds:
            table = table.set_column(index, field.name, recognise(column, field.name, name, ["datetime"]))
    yield name, _spelled(table, request.nulls)


def _selected(request: Request, mark: str) -> str:
    if (request.query is None) == (request.table is None):
        raise DataError(f"{shown(request.source)} is a database: say what to read, with --query or --table")
    if request.query is not None:
        return request.query
    parts = str(request.table).split(".")
    quoted = ".".join(mark + part.replace(mark, mark * 2) + mark for part in parts)
    return f"SELECT * FROM {quoted}"  # noqa: S608  # quoted as a name, in which nothing is a statement


def _understood(table: pa.Table) -> pa.Table:
    """Numbers that PostgreSQL has and Arrow has not as floats, other unknown types as their text."""
    for index, field in enumerate(table.schema):
        column = table.column(index)
        kind = field.type
        typed = (field.metadata or {}).get(b"ADBC:postgresql:typname", b"").decode()
        if isinstance(kind, pa.BaseExtensionType):
            typed = typed or str(getattr(kind, "type_name", ""))
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        if typed == "numeric":
            column = pc.cast(column, pa.float64())
        elif pa.types.is_binary(column.type) and typed not in ("", "bytea"):
            column = pc.cast(column, pa.string())
        table = table.set_column(index, field.name, column)
    return table


def _columns(rows: Sequence[tuple[Any, ...]], names: Sequence[str], name: str) -> pa.Table:
    arrays = []
    for column, cells in zip(names, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(pa.array(cells))
        except (pa.ArrowException, OverflowError):
            kinds = sorted({type(cell).__name__ for cell in cells if cell is not None})
            raise DataError(
                f"{name}: {column!r} holds values of different types ({', '.join(kinds)}); cast it in a --query"
            ) from None
    return pa.table(arrays, names=list(names))


def _declared(connection: sqlite3.Connection, table: str | None, names: Sequence[str]) -> dict[str, str]:
    if table is None:
        return {}
    found = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table.rpartition(".")[2],))
    return {name: str(kind).upper() for name, kind in found if name in names}


def _spelled(table: pa.Table, nulls: Sequence[str]) -> pa.Table:
    """`table` with null for each text that is one of `nulls`."""
    if not nulls:
        return table
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = table.column(index)
            missing = pc.is_in(column, value_set=pa.array(list(nulls), field.type))
            table = table.set_column(index, field.name, pc.if_else(missing, pa.scalar(None, field.type), column))
    return table


_REASONS = (
    (
        r"Connection refused|could not connect|could not translate|timeout expired",
        "check host and port, and that it runs",
    ),
    (r"password authentication failed|no password supplied", "check user and password (PGUSER, PGPASSWORD)"),
    (r"relation .* does not exist|no such table", "check --table, and the schema before its name"),
    (r"database .* does not exist", "check the name behind the host"),
    (r"permission denied", "grant SELECT to this user"),
)


def _reason(error: Exception, source: str) -> str:
    """The driver's message in one line, without a password, and what to do."""
    text = " ".join(str(error).split())
    found = re.search(r"(FATAL|ERROR): +(.*?)(?= LINE \d|$| SQLSTATE)", text)
    told = found[2] if found else text
    secret = re.search(r"://[^:/@]*:([^@/]+)@", source)
    if secret:
        told = told.replace(secret[1], "***")
    advice = next((advice for pattern, advice in _REASONS if re.search(pattern, text)), "check the query")
    return f"{told[:300].rstrip('. ')}; {advice}"
