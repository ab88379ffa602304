"""Tables and queries of SQLite files. SQLite types cells, not columns, so a column's type comes from all its cells."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from fasttrack.data.column_kinds import KIND_WORDS, PATTERNS, cell_error, keep_as_text_hint, parse_times
from fasttrack.data.part import BATCH_ROWS, TablePart
from fasttrack.data.plain_types import UTC_MICROS
from fasttrack.data.request import quote_identifier
from fasttrack.data.text_columns import MOSTLY
from fasttrack.errors import DataError
from fasttrack.suggestions import did_you_mean
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.part import GroupRows
    from fasttrack.data.request import ReadRequest

__all__ = ["sqlite_parts"]

_COUNTED_COLUMNS = 100
"""Columns whose cells one statement counts; SQLite returns at most 2000 values a row."""
_DATETIME = re.compile(PATTERNS["datetime"])


def sqlite_parts(request: ReadRequest) -> list[TablePart]:
    """The query or table of a `sqlite:///FILE` URL."""
    return [_SqlitePart(request)]


class _SqlitePart(TablePart):
    """The rows of a query or a table, streamed after SQLite has counted the types of the cells.

    A text column becomes a timestamp if all its text is an ISO date or time; a column declared as BOOLEAN with only
    0 and 1 becomes bool.
    """

    def __init__(self, request: ReadRequest) -> None:
        self.name = redact_url(request.source)
        self._request = request
        self._relation = request.relation()
        self._path = Path(request.source.partition("://")[2].removeprefix("/"))
        self._types: dict[str, pa.DataType] = {}
        self._nulls = (*request.nulls, *(float(null) for null in request.nulls if re.match(PATTERNS["number"], null)))
        if not self._path.is_file():
            raise DataError(
                f"{self.name}: there is no file {self._path}; "
                "write sqlite:///FILE, or sqlite:////FILE for an absolute path"
            )

    def column_names(self) -> list[str]:
        """As SQLite describes the rows before it reads any."""
        return list(self._declared_types)

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema:
        """The types that hold all cells of each column. Raises DataError for a column of several types."""
        names = self.column_names() if columns is None else list(columns)
        if not set(names) <= set(self._types):
            for counts in self._count_cells(names):
                self._types[counts.name] = self._type(counts, kinds)
        return pa.schema((name, self._types[name]) for name in names)

    def batches(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: GroupRows | None = None
    ) -> Iterator[pa.Table]:
        """The rows as SQLite returns them."""
        schema = self.schema(kinds, columns)
        start = 0
        for batch in self._rows([self._cell(field.name, field.type) for field in schema]):
            arrays = [
                self._array(field, cells, start) for field, cells in zip(schema, zip(*batch, strict=True), strict=True)
            ]
            yield pa.table(arrays, schema=schema)
            start += len(batch)

    @cached_property
    def _declared_types(self) -> dict[str, str]:
        """Each column and the type with which its table was created; empty for the columns of a query."""
        with self._connect() as connection:
            if self._request.query is not None:
                # errors of the query are clearest where it is not part of another statement
                connection.execute(f"EXPLAIN {self._request.query}")
            described = connection.execute(f"SELECT * FROM {self._relation} LIMIT 0").description  # noqa: S608
            table = (self._request.table or "").rpartition(".")[2]
            declared = dict(connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall())
        return {name: str(declared.get(name, "")).upper() for name, *_ in described}

    def _count_cells(self, columns: Sequence[str]) -> Iterator[_CellCounts]:
        for start in range(0, len(columns), _COUNTED_COLUMNS):
            group = columns[start : start + _COUNTED_COLUMNS]
            inner = ", ".join(f"{self._cell(name)} AS c{place}" for place, name in enumerate(group))
            counts = ", ".join(_COUNTS.format(c=f"c{place}") for place in range(len(group)))
            statement = f"SELECT {counts} FROM (SELECT {inner} FROM {self._relation})"  # noqa: S608
            with self._connect() as connection:
                values = connection.execute(statement, self._nulls * len(group)).fetchone()
            width = len(values) // len(group)
            for place, name in enumerate(group):
                yield _CellCounts(name, *(count or 0 for count in values[place * width : (place + 1) * width]))

    def _type(self, counts: _CellCounts, kinds: Mapping[str, Kind]) -> pa.DataType:
        name = counts.name
        numbers = counts.integers + counts.reals
        present = [
            word for word, count in (("numbers", numbers), ("text", counts.texts), ("bytes", counts.blobs)) if count
        ]
        if len(present) > 1 and not (name in kinds and not counts.blobs):
            raise DataError(
                f"{self.name}: {name!r} contains {' and '.join(present)}; "
                "cast it in a --query, or set the column's kind to category to read all as text"
            )
        if not present:
            return pa.null()
        if counts.texts:
            return UTC_MICROS if name not in kinds and self._is_datetime(counts) else pa.string()
        if counts.blobs:
            return pa.binary()
        if counts.reals:
            return pa.float64()
        is_boolean = "BOOL" in self._declared_types[name] and counts.truths == counts.integers
        return pa.bool_() if is_boolean else pa.int64()

    def _is_datetime(self, counts: _CellCounts) -> bool:
        """Whether all text is a date or time. As for files, raises DataError when most is: the rest is a mistake."""
        if counts.dates < MOSTLY * counts.texts:
            return False
        first_other: tuple[int, str] | None = None
        others, row = 0, 0
        for batch in self._rows([self._cell(counts.name)]):
            for (cell,) in batch:
                if cell is not None and not _DATETIME.match(cell.strip()):
                    first_other = first_other or (row, cell)
                    others += 1
                row += 1
        if first_other is not None and others <= (1 - MOSTLY) * counts.texts:
            hint = keep_as_text_hint(counts.name)
            raise cell_error(self.name, first_other[0], counts.name, first_other[1], KIND_WORDS["datetime"], hint)
        return first_other is None

    def _cell(self, name: str, type_: pa.DataType | None = None) -> str:
        """A column in SQL, with NULL for the further spellings of a missing value."""
        cell = quote_identifier(name)
        if self._nulls:
            cell = f"CASE WHEN {cell} IN ({', '.join('?' * len(self._nulls))}) THEN NULL ELSE {cell} END"
        return f"CAST({cell} AS TEXT)" if type_ == pa.string() else cell

    def _array(self, field: pa.Field, cells: Sequence[Any], first_row: int) -> pa.ChunkedArray:
        if field.type == UTC_MICROS:
            text = pa.chunked_array([pa.array(cells, pa.string())])
            return parse_times(text, field.name, self.name, first_row)
        python_type = {pa.bool_(): bool, pa.float64(): float}.get(field.type)
        if python_type is not None:
            cells = [None if cell is None else python_type(cell) for cell in cells]
        return pa.chunked_array([pa.array(cells, field.type)])

    def _rows(self, cells: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        with self._connect() as connection:
            statement = f"SELECT {', '.join(cells)} FROM {self._relation}"  # noqa: S608  # quoted names
            cursor = connection.execute(statement, self._nulls * len(cells))
            yield from iter(lambda: cursor.fetchmany(BATCH_ROWS), [])

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            # read-only, so that a wrong name creates no file, and nothing is left beside the right one
            with closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True)) as connection:
                try:
                    yield connection
                except sqlite3.Error as error:
                    raise self._error(error, _missing_table_hint(error, connection, self._request.table)) from None
        except (sqlite3.Error, pa.ArrowException) as error:
            raise self._error(error) from None

    def _error(self, error: Exception, hint: str = "") -> DataError:
        reason = " ".join(str(error).split())
        return DataError(f"{self.name} cannot be read: {reason}{hint or _advice(reason)}")


@dataclass(frozen=True)
class _CellCounts:
    """How many cells of a column are of each type, how many are 0 or 1, and how many look like a date."""

    name: str
    integers: int
    reals: int
    texts: int
    blobs: int
    truths: int
    dates: int


_COUNTS = (
    "sum(typeof({c}) = 'integer'), sum(typeof({c}) = 'real'), sum(typeof({c}) = 'text'), sum(typeof({c}) = 'blob'), "
    "sum({c} IN (0, 1)), sum(trim({c}) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*')"
)
"""In the order of the fields of `_CellCounts`."""


def _missing_table_hint(error: sqlite3.Error, connection: sqlite3.Connection, table: str | None) -> str:
    """A suggestion for the name of a table that does not exist; empty for another error, or without one."""
    if table is None or "no such table" not in str(error):
        return ""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    return did_you_mean(table, [name for (name,) in names])


def _advice(reason: str) -> str:
    if "no such table" in reason:
        return "; check the table's name"
    if "not a database" in reason:
        return "; check that it is a SQLite file"
    return "; check the query"
