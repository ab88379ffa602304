"""From a name to one table of plain types, wherever the name points, whole, as a sample, or batch by batch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.data.files import local_parts
from fasttrack.data.kinds import convert
from fasttrack.data.objects import object_parts
from fasttrack.data.part import Part
from fasttrack.data.postgres import PostgresPart
from fasttrack.data.request import Request
from fasttrack.data.sample import reservoir, rows_of_groups
from fasttrack.data.sqlite import SqlitePart
from fasttrack.data.types import normalise
from fasttrack.data.web import web_parts
from fasttrack.errors import DataError
from fasttrack.object_storage import AZURE, GOOGLE, S3
from fasttrack.suggestions import names_hint
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from fasttrack.contract.schema import Kind
    from fasttrack.data.part import Rows

__all__ = ["Scan", "Source", "read_table", "scan_table", "table_of", "typed"]

_OBJECTS = (*S3, *GOOGLE, *AZURE)
_WEB = ("https", "http")
_DATABASES = ("postgresql", "postgres", "sqlite")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def _parts_of(request: Request) -> list[Part]:
    """How each kind of address is read; what has no scheme is a path."""
    found = _SCHEME.match(request.source)
    scheme = found[1].lower() if found else ""
    name = redact_url(request.source)
    if scheme not in _DATABASES and (request.query is not None or request.table is not None):
        raise DataError(f"{name} is no database: leave out --query and --table")
    if not scheme:
        return local_parts(request)
    if scheme in _OBJECTS:
        return object_parts(request)
    if scheme in _WEB:
        return web_parts(request)
    if scheme == "sqlite":
        return [SqlitePart(request)]
    if scheme in _DATABASES:
        return [PostgresPart(request)]
    raise DataError(
        f"{name} cannot be read: nothing reads {scheme}://; name a file, or write s3://, gs://, abfs://, https://, "
        "postgresql:// or sqlite:///"
    )


@dataclass(frozen=True)
class Scan:
    """A table that is read batch by batch, as often as wanted."""

    columns: dict[str, pa.DataType]
    """Its columns, in the plain types that `read_table` gives them."""
    _batches: Callable[[], Iterator[pa.Table]]

    def batches(self) -> Iterator[pa.Table]:
        """The rows in order, at most 65,536 at a time, with these columns. Raises DataError, also if there is none."""
        return self._batches()


class Source:
    """A table where it is: its columns are known, its rows are read when they are asked for.

    A file, a folder of files of one format, or a pattern such as `sales/*.csv`; a URL of such in an object store
    (`s3://`, `gs://`, `abfs://`), a file on the web, or of a database (`postgresql://`, `sqlite:///`) what `query`
    selects, or a whole `table`. Folders named `column=value` become columns. `nulls` are further spellings of a missing
    value. All methods raise DataError, in one line that has no password in it.
    """

    def __init__(
        self, source: str | Path, *, nulls: Sequence[str] = (), query: str | None = None, table: str | None = None
    ) -> None:
        self.name = redact_url(str(source))
        self._parts = _parts_of(Request(str(source), nulls, query, table))

    @cached_property
    def names(self) -> list[str]:
        """All its columns; of files, those of the first."""
        return self._parts[0].names()

    @property
    def written(self) -> bool:
        """Whether its cells are text that no type is written beside, as in CSV."""
        return self._parts[0].written

    def read(
        self,
        *,
        kinds: Mapping[str, Kind] | None = None,
        columns: Sequence[str] | None = None,
        rows: int | None = None,
        seed: int = 0,
    ) -> pa.Table:
        """The table, as `read_table` gives it."""
        kinds, columns = self._understood(kinds or {}, columns)
        if rows is not None and rows < 1:
            raise DataError(f"a sample of {rows} rows is none; write a number from 1 up")
        groups = None if rows is None else self._groups()
        picked = None if rows is None or groups is None else rows_of_groups(groups, rows, seed)
        plain = self._plain(kinds, columns, picked)
        tables = list(plain if rows is None or groups is not None else reservoir(plain, rows, seed))
        if not sum(table.num_rows for table in tables):
            raise self._empty()
        return _joined(tables)

    def scan(
        self,
        *,
        kinds: Mapping[str, Kind] | None = None,
        columns: Sequence[str] | None = None,
        unread: Mapping[str, Kind] | None = None,
    ) -> Scan:
        """The table batch by batch, as `scan_table` gives it.

        `unread`: columns of a `written` source that stay text, with what their cells are to spell.
        """
        kinds, columns = self._understood(kinds or {}, columns)
        unread = unread or {}
        stored = self._stored(kinds, columns)
        kept: list[pa.Table] | None = None
        if stored is None:
            # only all rows tell the types: one file is kept, of several each is read once more
            types: dict[str, pa.DataType] = {}
            tables = []
            for table in self._plain(kinds, columns, None, unread):
                types = _wider(types, table.schema)
                tables += [table] if len(self._parts) == 1 else []
            kept = tables or None
        else:
            types = stored

        def batches() -> Iterator[pa.Table]:
            rows = 0
            for table in self._plain(kinds, columns, None, unread) if kept is None else kept:
                rows += table.num_rows
                if table.num_rows:
                    yield _cast(table, types)
            if not rows:
                raise self._empty()

        return Scan(types, batches)

    def _empty(self) -> DataError:
        return DataError(f"{self.name} has no rows; check that it is the table you mean")

    def _understood(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None
    ) -> tuple[Mapping[str, Kind], list[str] | None]:
        """The kinds of the columns that are read, and these; `None` for all."""
        if kinds:
            _check_kinds(kinds, self.names, self.name)
        if columns is None:
            return kinds, None
        for column in columns:
            if column not in self.names:
                raise DataError(f"{self.name} has no column {column!r}{names_hint(column, self.names)}")
        if not columns:
            raise DataError(f"{self.name}: no column of it is asked for")
        kinds = {column: kind for column, kind in kinds.items() if column in columns}
        # all columns are read with the simplest statement there is
        return kinds, None if set(columns) == set(self.names) else list(dict.fromkeys(columns))

    def _groups(self) -> list[Sequence[int]] | None:
        groups = [part.groups() for part in self._parts]
        known = [group for group in groups if group is not None]
        return known if len(known) == len(groups) else None

    def _stored(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> dict[str, pa.DataType] | None:
        """The plain types of all parts, where they know them before reading rows; raises DataError if they differ."""
        types: dict[str, pa.DataType] = {}
        first: tuple[str, pa.Table] | None = None
        for part in self._parts:
            if first is not None and len(self._parts) > 1:
                _check_names(first[0], self.names, part.name, part.names())
            schema = part.schema(kinds, columns)
            if schema is None:
                return None
            plain = convert(normalise(schema.empty_table(), part.name), kinds, part.name)
            if first is None:
                first = (part.name, plain)
            _check_same(*first, part.name, plain)
            types = _wider(types, plain.schema)
        return types

    def _plain(
        self,
        kinds: Mapping[str, Kind],
        columns: Sequence[str] | None,
        picked: Sequence[Rows] | None,
        unread: Mapping[str, Kind] = MappingProxyType({}),
    ) -> Iterator[pa.Table]:
        """The rows in order, part by part; the types of parts may differ as far as `_common` allows."""
        stored = self._parts[0].groups() is not None and self._stored(kinds, columns)  # told before the first row
        first: tuple[str, pa.Table] | None = None
        for number, part in enumerate(self._parts):
            if columns is not None and number and not stored:
                _check_names(self._parts[0].name, self.names, part.name, part.names())
            begins = 0
            for table in part.tables({**kinds, **unread}, columns, None if picked is None else picked[number]):
                _check_kinds(kinds, table.column_names, part.name)
                plain = convert(normalise(table, part.name), kinds, part.name, begins)
                if first is None:
                    first = (part.name, plain)
                elif not begins:
                    _check_same(*first, part.name, plain)
                begins += table.num_rows
                yield plain


def read_table(
    source: str | Path,
    *,
    nulls: Sequence[str] = (),
    kinds: Mapping[str, Kind] | None = None,
    query: str | None = None,
    table: str | None = None,
    columns: Sequence[str] | None = None,
    rows: int | None = None,
    seed: int = 0,
) -> pa.Table:
    """Read the table that is where `Source` says.

    The columns are float64, int64, bool, string or timestamp[us, UTC]; a column of another type stays as it is, for the
    caller to leave out. A missing value is null, also where the file has NaN. `kinds` says what a column is where the
    file's own reading is wrong. Only `columns` are read, if given, and only a random sample of `rows`, the same one for
    the same `seed`, in the order of the table: of Parquet some row groups of every file, chosen by the footers, of
    which each row is as likely as any other; of anything else the stream is read, and no more than twice the sample is
    held. CSV and JSON are read whole, one file at a time: only all rows tell what a column is.
    Raises DataError naming the file, and the row and column where it can.
    """
    opened = Source(source, nulls=nulls, query=query, table=table)
    return opened.read(kinds=kinds, columns=columns, rows=rows, seed=seed)


def scan_table(
    source: str | Path,
    *,
    nulls: Sequence[str] = (),
    kinds: Mapping[str, Kind] | None = None,
    query: str | None = None,
    table: str | None = None,
    columns: Sequence[str] | None = None,
) -> Scan:
    """The same table batch by batch, for one that does not fit into memory.

    Parquet and databases are streamed. CSV and JSON are read whole, one file at a time, as only all rows tell what a
    column is; of several files each is read twice. Raises DataError as `read_table`.
    """
    return Source(source, nulls=nulls, query=query, table=table).scan(kinds=kinds, columns=columns)


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
    _check_kinds(kinds, table.column_names, name)
    if not table.num_rows:
        raise DataError(f"{name} has no rows")
    return convert(normalise(table, name), kinds, name)


def _check_kinds(kinds: Mapping[str, Kind], names: Sequence[str], name: str) -> None:
    for column in kinds:
        if column not in names:
            raise DataError(f"{name} has no column {column!r} to set a kind for{names_hint(column, names)}")


def _check_names(one: str, first: Sequence[str], other: str, names: Sequence[str]) -> None:
    if set(first) != set(names):
        odd = sorted(set(first) ^ set(names))
        raise DataError(f"{one} and {other} differ in the columns {', '.join(map(repr, odd))}; make them agree")


def _check_same(one: str, first: pa.Table, other: str, table: pa.Table) -> None:
    _check_names(one, first.column_names, other, table.column_names)
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


def _wider(types: dict[str, pa.DataType], schema: pa.Schema) -> dict[str, pa.DataType]:
    """The types that hold both; the column order is that of the first."""
    if not types:
        return dict(zip(schema.names, schema.types, strict=True))
    return {name: _common(kind, schema.field(name).type) or kind for name, kind in types.items()}


def _joined(tables: list[pa.Table]) -> pa.Table:
    """The tables as one, in the column order of the first."""
    types: dict[str, pa.DataType] = {}
    for table in tables:
        types = _wider(types, table.schema)
    return pa.concat_tables([_cast(table, types) for table in tables])


def _cast(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    columns = [pc.cast(table.column(name), kind, safe=False) for name, kind in types.items()]
    return pa.table(columns, schema=pa.schema(types.items()))
