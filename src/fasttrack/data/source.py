"""From a name to one table of plain types, wherever the name points."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.addresses import shown
from fasttrack.data.files import read_files
from fasttrack.data.kinds import convert
from fasttrack.data.names import near
from fasttrack.data.objects import read_objects, read_web
from fasttrack.data.request import Request
from fasttrack.data.sql import read_postgres, read_sqlite
from fasttrack.data.types import normalise
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from fasttrack.contract.schema import Kind

    Source = Callable[[Request], Iterator[tuple[str, pa.Table]]]
    """What to read → the parts of the table, each with its name for messages."""

__all__ = ["read_table", "table_of", "typed"]

_SOURCES: dict[str, Source] = {
    "": read_files,
    **dict.fromkeys(("s3", "gs", "gcs", "abfs", "abfss"), read_objects),
    **dict.fromkeys(("http", "https"), read_web),
    **dict.fromkeys(("postgresql", "postgres"), read_postgres),
    "sqlite": read_sqlite,
}
"""How to read from each scheme; the empty one is a path."""
_DATABASES = (read_postgres, read_sqlite)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def read_table(
    source: str | Path,
    *,
    nulls: Sequence[str] = (),
    kinds: Mapping[str, Kind] | None = None,
    query: str | None = None,
    table: str | None = None,
) -> pa.Table:
    """Read `source`: a file, a folder of files of one format, or a pattern such as `sales/*.csv`; a URL of such in an
    object store (`s3://`, `gs://`, `abfs://`), a file on the web, or of a database (`postgresql://`, `sqlite:///`) what
    `query` selects, or a whole `table`. Folders named `column=value` become columns.

    The columns are float64, int64, bool, string or timestamp[us, UTC]; a column of another type stays as it is, for the
    caller to leave out. A missing value is null, also where the file has NaN. `nulls` are further spellings of one;
    `kinds` says what a column is where the file's own reading is wrong. Raises DataError naming the file, and the row
    and column where it can.
    """
    name = str(source)
    scheme = _SCHEME.match(name)
    read = _SOURCES.get(scheme[1].lower() if scheme else "")
    if read is None:
        raise DataError(
            f"{shown(name)} cannot be read from there; there are {', '.join(filter(None, _SOURCES))}, and files"
        )
    if read not in _DATABASES and (query is not None or table is not None):
        raise DataError(f"{shown(name)} is no database: leave out --query and --table")
    kinds = kinds or {}
    parts: list[tuple[str, pa.Table]] = []
    for part_name, part in read(Request(name, nulls, kinds, query, table)):
        _check_kinds(kinds, part, part_name)
        plain = convert(normalise(part, part_name), kinds, part_name)
        if parts:
            _check_same(*parts[0], part_name, plain)
        parts.append((part_name, plain))
    whole = _joined([plain for _, plain in parts])
    if not whole.num_rows:
        raise DataError(f"{shown(name)} has no rows; check that it is the table you mean")
    return whole


def table_of(frame: pd.DataFrame, *, kinds: Mapping[str, Kind] | None = None) -> pa.Table:
    """As `read_table`, for a DataFrame; its index is left out. Raises DataError naming a column of mixed types."""
    name = "the DataFrame"
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"{name} cannot be read: {' '.join(str(error).split())}; give each column one type") from None
    return typed(table, kinds or {}, name)


def typed(table: pa.Table, kinds: Mapping[str, Kind], name: str) -> pa.Table:
    """As `read_table`, for a table that is in memory already. Raises DataError."""
    _check_kinds(kinds, table, name)
    if not table.num_rows:
        raise DataError(f"{name} has no rows")
    return convert(normalise(table, name), kinds, name)


def _check_kinds(kinds: Mapping[str, Kind], table: pa.Table, name: str) -> None:
    for column in kinds:
        if column not in table.column_names:
            advice = near(column, table.column_names) or f"; it has {', '.join(map(repr, table.column_names))}"
            raise DataError(f"{name} has no column {column!r} to set a kind for{advice}")


def _check_same(one: str, first: pa.Table, other: str, table: pa.Table) -> None:
    if set(first.column_names) != set(table.column_names):
        odd = sorted(set(first.column_names) ^ set(table.column_names))
        raise DataError(f"{one} and {other} differ in the columns {', '.join(map(repr, odd))}; make them agree")
    for field in table.schema:
        before = first.schema.field(field.name).type
        if _common(before, field.type) is None:
            raise DataError(
                f"{field.name!r} is {before} in {one} but {field.type} in {other}; "
                "make them agree, or set the column's kind to category to read all as text"
            )


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds both, or `None`: an empty column takes the other's, whole numbers widen."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else None


def _joined(parts: list[pa.Table]) -> pa.Table:
    """The parts as one table, in the column order of the first."""
    types = {field.name: field.type for field in parts[0].schema}
    for part in parts[1:]:
        types = {name: _common(kind, part.schema.field(name).type) or kind for name, kind in types.items()}
    schema = pa.schema(types.items())
    columns = [
        [chunk for part in parts for chunk in pc.cast(part.column(name), kind, safe=False).chunks]
        for name, kind in types.items()
    ]
    return pa.table(
        [pa.chunked_array(chunks, kind) for chunks, kind in zip(columns, types.values(), strict=True)], schema=schema
    )
