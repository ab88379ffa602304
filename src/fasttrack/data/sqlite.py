"""Tables and queries of SQLite → Arrow. Its cells have types, its columns have not: those come from all rows."""

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
import pyarrow.compute as pc

from fasttrack.data.kinds import EXPECTED, MOSTLY, PATTERNS, bad_cell, keep_as_text, recognise
from fasttrack.data.part import AT_ONCE, Part
from fasttrack.data.request import quoted_name
from fasttrack.data.types import UTC_MICROS
from fasttrack.errors import DataError
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.part import Rows
    from fasttrack.data.request import Request

__all__ = ["SqlitePart"]

_COLUMNS_AT_ONCE = 100
"""Of which the types are counted in one statement; SQLite has no more than 2000 results."""
_TIME = re.compile(PATTERNS["datetime"])


class SqlitePart(Part):
    """The rows of a query or a table of `sqlite:///FILE`.

    The database counts the types of the cells first, so that the rows can be streamed then. A column is of text, or of
    times where all its text is an ISO date or time; a column declared as BOOLEAN is one.
    """

    def __init__(self, request: Request) -> None:
        self.name = redact_url(request.source)
        self._request = request
        self._relation = request.relation()
        self._path = Path(request.source.partition("://")[2].removeprefix("/"))
        self._types: dict[str, pa.DataType] = {}
        self._nulls = (*request.nulls, *(float(null) for null in request.nulls if re.match(PATTERNS["number"], null)))
        if not self._path.is_file():
            raise DataError(
                f"{self.name}: there is no file {self._path}; "
                "write sqlite:///FILE, or sqlite:////FILE for a path from /"
            )

    def names(self) -> list[str]:
        """As SQLite names them before it has read any row."""
        return list(self._declared)

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema:
        """The types that hold all cells of each column. Raises DataError for a column of several."""
        wanted = self.names() if columns is None else list(columns)
        if not set(wanted) <= set(self._types):
            for counts in self._counted(wanted):
                self._types[counts.name] = self._type(counts, kinds)
        return pa.schema((name, self._types[name]) for name in wanted)

    def tables(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: Rows | None = None
    ) -> Iterator[pa.Table]:
        """As many rows at a time as a batch has."""
        schema = self.schema(kinds, columns)
        start = 0
        for found in self._rows([self._cell(field.name, field.type) for field in schema]):
            arrays = [
                self._array(field, cells, start) for field, cells in zip(schema, zip(*found, strict=True), strict=True)
            ]
            yield pa.table(arrays, schema=schema)
            start += len(found)

    @cached_property
    def _declared(self) -> dict[str, str]:
        """Each column, with the type with which its table was made; a query's columns have none."""
        with self._connected() as connection:
            if self._request.query is not None:
                connection.execute(f"EXPLAIN {self._request.query}")  # its faults are told best where it stands alone
            described = connection.execute(f"SELECT * FROM {self._relation} LIMIT 0").description  # noqa: S608
            table = (self._request.table or "").rpartition(".")[2]
            found = dict(connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall())
        return {name: str(found.get(name, "")).upper() for name, *_ in described}

    def _counted(self, columns: Sequence[str]) -> Iterator[_Counts]:
        for start in range(0, len(columns), _COLUMNS_AT_ONCE):
            some = columns[start : start + _COLUMNS_AT_ONCE]
            inner = ", ".join(f"{self._cell(name)} AS c{place}" for place, name in enumerate(some))
            counts = ", ".join(_COUNTS.format(c=f"c{place}") for place in range(len(some)))
            statement = f"SELECT {counts} FROM (SELECT {inner} FROM {self._relation})"  # noqa: S608
            with self._connected() as connection:
                found = connection.execute(statement, self._nulls * len(some)).fetchone()
            each = len(found) // len(some)
            for place, name in enumerate(some):
                yield _Counts(name, *(count or 0 for count in found[place * each : (place + 1) * each]))

    def _type(self, counts: _Counts, kinds: Mapping[str, Kind]) -> pa.DataType:
        name = counts.name
        numbers = counts.integers + counts.reals
        kinds_there = [
            kind for kind, count in (("numbers", numbers), ("text", counts.texts), ("bytes", counts.blobs)) if count
        ]
        if len(kinds_there) > 1 and not (name in kinds and not counts.blobs):
            raise DataError(
                f"{self.name}: {name!r} holds {' and '.join(kinds_there)}; "
                "cast it in a --query, or set the column's kind to category to read all as text"
            )
        if not kinds_there:
            return pa.null()
        if counts.texts:
            return UTC_MICROS if name not in kinds and self._of_times(counts) else pa.string()
        if counts.blobs:
            return pa.binary()
        if counts.reals:
            return pa.float64()
        boolean = "BOOL" in self._declared[name] and counts.truths == counts.integers
        return pa.bool_() if boolean else pa.int64()

    def _of_times(self, counts: _Counts) -> bool:
        """Whether all text is a date or time. Raises DataError when most is: as for files, the rest is a fault."""
        if counts.dates < MOSTLY * counts.texts:
            return False
        first: tuple[int, str] | None = None
        misfits, row = 0, 0
        for found in self._rows([self._cell(counts.name)]):
            for (cell,) in found:
                if cell is not None and not _TIME.match(cell.strip()):
                    first = first or (row, cell)
                    misfits += 1
                row += 1
        if first is not None and misfits <= (1 - MOSTLY) * counts.texts:
            way_out = keep_as_text(counts.name)
            raise bad_cell(self.name, first[0], counts.name, first[1], EXPECTED["datetime"], way_out)
        return first is None

    def _cell(self, name: str, kind: pa.DataType | None = None) -> str:
        """A column, with null for what is written as such."""
        cell = quoted_name(name)
        if self._nulls:
            cell = f"CASE WHEN {cell} IN ({', '.join('?' * len(self._nulls))}) THEN NULL ELSE {cell} END"
        return f"CAST({cell} AS TEXT)" if kind == pa.string() else cell

    def _array(self, field: pa.Field, cells: Sequence[Any], first: int) -> pa.ChunkedArray:
        if field.type == UTC_MICROS:
            text = pa.chunked_array([pa.array(cells, pa.string())])
            return pc.cast(recognise(text, field.name, self.name, ["datetime"], first), UTC_MICROS)
        as_python = {pa.bool_(): bool, pa.float64(): float}.get(field.type)
        if as_python is not None:
            cells = [None if cell is None else as_python(cell) for cell in cells]
        return pa.chunked_array([pa.array(cells, field.type)])

    def _rows(self, cells: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        with self._connected() as connection:
            statement = f"SELECT {', '.join(cells)} FROM {self._relation}"  # noqa: S608  # quoted names
            cursor = connection.execute(statement, self._nulls * len(cells))
            yield from iter(lambda: cursor.fetchmany(AT_ONCE), [])

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            # a file that is only read is opened so: nothing is made of a wrong name, or left beside it
            with closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True)) as connection:
                yield connection
        except (sqlite3.Error, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{self.name} cannot be read: {reason}; {_advice(reason)}") from None


@dataclass(frozen=True)
class _Counts:
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


def _advice(reason: str) -> str:
    if "no such table" in reason:
        return "check the table's name"
    if "not a database" in reason:
        return "check that it is a SQLite file"
    return "check the query"
