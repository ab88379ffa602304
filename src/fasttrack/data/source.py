"""Tables by their addresses: read whole, as a random sample, or batch by batch."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.reading import cell_reading
from fasttrack.contract.schema import Privacy, base_kind
from fasttrack.data.column_kinds import ARROW_TYPES, KIND_WORDS, cell_error, convert_kinds, keep_as_text_hint
from fasttrack.data.files import local_parts
from fasttrack.data.in_memory import check_kinds
from fasttrack.data.part import collect_notes
from fasttrack.data.request import ReadRequest
from fasttrack.data.sample import reservoir_sample, sample_groups
from fasttrack.data.schema_agreement import cast_columns, concatenate, widen_types
from fasttrack.data.stored_parts import MixedText, StoredParts
from fasttrack.data.text_columns import TextRules
from fasttrack.data.whole_columns import FaultyColumn, count_texts, infer_texts, read_columns, read_inferred
from fasttrack.errors import DataError
from fasttrack.extras import install_command
from fasttrack.reading import DEFAULT_READING, ReadOptions
from fasttrack.schemes import example_list, find_scheme, is_url, scheme_name
from fasttrack.suggestions import names_hint
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from fasttrack.contract.dates import DateOrder
    from fasttrack.contract.schema import Kind, KindChoice
    from fasttrack.data.part import TablePart
    from fasttrack.data.whole_columns import KnownColumn

__all__ = ["Source", "TableScan", "read_table", "scan_table"]

_FEW_FAULTS = 0.05
"""Where more of a column's cells are not of its kind, reading such a cell as missing would lose data."""


def _open_parts(request: ReadRequest) -> list[TablePart]:
    """The parts of a table, opened by the reader of its scheme; an address without a scheme is a path."""
    name = redact_url(request.source)
    scheme = find_scheme(request.source)
    use = scheme.source if scheme is not None else None
    if is_url(request.source) and use is None:
        raise DataError(
            f"{name} cannot be read: nothing reads {scheme_name(request.source)}://; "
            f"name a file, or write {example_list('source')}"
        )
    is_database = scheme is not None and scheme.is_database
    if not is_database and (request.query is not None or request.table is not None):
        raise DataError(f"{name} is not a database: leave out --query and --table")
    if is_database and request.reading.given():
        flags = " and ".join(f"--{option}" for option in request.reading.given())
        raise DataError(f"{name} is a database, not a file: leave out {flags}")
    if use is None:
        return local_parts(request)
    if use.driver and find_spec(use.driver) is None:
        command = install_command(use.driver)
        raise DataError(f"{name} cannot be read: it needs {use.driver}; install it with: {command}")
    parts: list[TablePart] = use.open(request)
    return parts


@dataclass(frozen=True)
class TableScan:
    """A table that is read batch by batch, as often as needed."""

    columns: dict[str, pa.DataType]
    """Its columns, in the plain types that `read_table` gives them."""
    _batches: Callable[[], Iterator[pa.Table]]

    def batches(self) -> Iterator[pa.Table]:
        """The rows in order, at most 65,536 at a time, with these columns. Raises DataError, also if there are none."""
        return self._batches()


class Source:
    """A table at its address: the columns are known when it is opened, the rows are read on demand.

    `source` is a file, a folder with files of one format, or a pattern such as `sales/*.csv`; a URL of such in an
    object storage; a file on the web; or a database, of which `query` selects the rows, or a whole `table` is read.
    `schemes.SCHEMES` lists the URL schemes. Folders named `column=value` become columns. `nulls` are further spellings
    of a missing value; with `default_nulls`, a CSV file's cells such as NA are missing too. `dates` says which of two
    numbers before a year is the day. `reading` says how files are read, `privacy`
    which words a finding may name. All methods raise DataError, in one line that contains no password.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        nulls: Sequence[str] = (),
        default_nulls: bool = True,
        dates: DateOrder | None = None,
        query: str | None = None,
        table: str | None = None,
        reading: ReadOptions = DEFAULT_READING,
        privacy: Privacy | None = None,
    ) -> None:
        self.name = redact_url(str(source))
        request = ReadRequest(str(source), nulls, default_nulls, dates, query, table, reading)
        self._parts = _open_parts(request)
        self._stored = StoredParts(self._parts)
        self._rules = TextRules(tuple(nulls), default_nulls, dates, self.untyped, privacy or Privacy())

    @cached_property
    def names(self) -> list[str]:
        """All its columns; of several files, those of the first."""
        return self._stored.names

    @property
    def untyped(self) -> bool:
        """Whether the format stores text without types, as CSV does: a cell is then what its text spells."""
        return self._parts[0].untyped

    @property
    def notes(self) -> list[str]:
        """Notes on how the files were read, such as rows that were left out; complete once they are read."""
        return collect_notes(self._parts)

    # Six parameters: what to read, how, and how much of it.
    def read(
        self,
        *,
        kinds: Mapping[str, KindChoice] | None = None,
        columns: Sequence[str] | None = None,
        known: Mapping[str, KnownColumn] | None = None,
        rows: int | None = None,
        seed: int = 0,
    ) -> pa.Table:
        """The whole table, or a random sample of it, as `read_table` says.

        `known`: columns that are read as a contract does, by their kind and `Reading`; others are inferred from all
        their cells. Each field's metadata holds how its texts were read (`data.text_columns.field_reading`).
        """
        if rows is not None and rows < 1:
            raise DataError(f"a sample of {rows} rows is empty; write a number of at least 1")
        known = known or {}
        if self.untyped:
            known = {name: (kind, cell_reading(kind, reading)) for name, (kind, reading) in known.items()}
        kinds, columns = self._select({**(kinds or {}), **{name: kind for name, (kind, _) in known.items()}}, columns)
        table = self._stored_table(kinds, columns, rows, seed)
        try:
            table = read_columns(table, {name: column for name, column in known.items() if name in table.column_names})
            others = [name for name in table.column_names if name not in known]
            inferred = read_inferred(table.select(others), self._rules, kinds)
        except FaultyColumn as faulty:
            raise self._faulty_cell(faulty, kinds, columns, is_inferred=faulty.column not in kinds) from None
        for index, name in enumerate(table.column_names):
            if name not in known:
                table = table.set_column(index, inferred.schema.field(name), inferred.column(name))
        return table

    def _stored_table(
        self, kinds: Mapping[str, KindChoice], columns: Sequence[str] | None, rows: int | None, seed: int
    ) -> pa.Table:
        """The table, or a sample of it, with text that is not looked at yet."""
        group_sizes = None if rows is None else self._stored.group_sizes()
        groups = None if rows is None or group_sizes is None else sample_groups(group_sizes, rows, seed)
        text_columns: dict[str, Kind] = {}
        while True:
            batches = self._stored.tables(kinds, columns, groups, text_columns)
            try:
                tables = list(batches if rows is None or groups is not None else reservoir_sample(batches, rows, seed))
            except MixedText as mixed:
                text_columns |= dict.fromkeys(mixed.columns, "category")
                continue
            if not sum(table.num_rows for table in tables):
                raise self._empty_error()
            return concatenate(tables)

    def _faulty_cell(
        self,
        faulty: FaultyColumn,
        kinds: Mapping[str, KindChoice],
        columns: Sequence[str] | None,
        *,
        is_inferred: bool,
    ) -> DataError:
        """The error for the first cell that has the faulty text."""
        hint = keep_as_text_hint(faulty.column)
        if not is_inferred:
            hint = f"leave out --kind {shlex.quote(f'{faulty.column}={kinds[faulty.column]}')}"
        part_name, row, first_row = self.name, 0, 0
        for part, table in self._stored.batches(kinds, columns, None, {faulty.column: "category"}):
            if part != part_name:
                part_name, first_row = part, 0
            place = pc.index(table.column(faulty.column), faulty.text).as_py()
            if place >= 0:
                row = first_row + place
                break
            first_row += table.num_rows
        return cell_error(
            part_name,
            row,
            faulty.column,
            faulty.text,
            KIND_WORDS[faulty.kind],
            hint,
            may_be_missing=faulty.share < _FEW_FAULTS,
        )

    def scan(
        self,
        *,
        kinds: Mapping[str, KindChoice] | None = None,
        columns: Sequence[str] | None = None,
        text_columns: Mapping[str, Kind] | None = None,
    ) -> TableScan:
        """The table batch by batch, as `scan_table` says.

        `text_columns`: columns of an untyped source that stay text, and the kind that their cells are to spell.
        """
        kinds, columns = self._select(kinds or {}, columns)
        stay_text = frozenset(text_columns or {})
        text_columns = dict(text_columns or {})
        types = None if any(":" in kind for kind in kinds.values()) else self._stored.types(kinds, columns)
        if types is not None:
            return self._scan(types, lambda: self._typed_batches(kinds, columns))
        while True:
            try:
                return self._scan_inferred(kinds, columns, text_columns, stay_text)
            except MixedText as mixed:
                text_columns |= dict.fromkeys(mixed.columns, "category")
            except FaultyColumn as faulty:
                raise self._faulty_cell(faulty, kinds, columns, is_inferred=faulty.column not in kinds) from None

    def _scan_inferred(
        self,
        kinds: Mapping[str, KindChoice],
        columns: Sequence[str] | None,
        text_columns: Mapping[str, Kind],
        stay_text: Collection[str],
    ) -> TableScan:
        """A scan whose types are known only after all rows: a single file is kept, several are read a second time.

        Of the columns that are read as text, `stay_text` are not looked at.
        """
        types: dict[str, pa.DataType] = {}
        counts: dict[str, Counter[str]] = {}
        tables: list[pa.Table] = []
        for table in self._stored.tables(kinds, columns, None, text_columns):
            types = widen_types(types, table.schema)
            for name, texts in count_texts(
                table.drop_columns([name for name in table.column_names if name in stay_text])
            ).items():
                counts.setdefault(name, Counter()).update(texts)
            tables += [table] if len(self._parts) == 1 else []
        read = infer_texts(counts, self._rules, kinds)
        types |= {name: ARROW_TYPES[column.kind] for name, column in read.items()}
        known: dict[str, KnownColumn] = {name: (column.kind, column.reading) for name, column in read.items()}

        def batches() -> Iterator[pa.Table]:
            for table in tables or self._stored.tables(kinds, columns, None, text_columns):
                yield read_columns(table, known)

        return self._scan(types, batches)

    def _scan(self, types: dict[str, pa.DataType], batches: Callable[[], Iterator[pa.Table]]) -> TableScan:
        def cast_batches() -> Iterator[pa.Table]:
            rows = 0
            for table in batches():
                rows += table.num_rows
                if table.num_rows:
                    yield cast_columns(table, types)
            if not rows:
                raise self._empty_error()

        return TableScan(types, cast_batches)

    def _typed_batches(self, kinds: Mapping[str, KindChoice], columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The batches of a source with types, of which text is converted to `kinds` batch by batch."""
        converted = {name: base_kind(kind) for name, kind in kinds.items()}
        part_name, first_row = "", 0
        for part, table in self._stored.batches(kinds, columns):
            if part != part_name:
                part_name, first_row = part, 0
            yield convert_kinds(table, converted, part, first_row)
            first_row += table.num_rows

    def _empty_error(self) -> DataError:
        return DataError(f"{self.name} has no rows; check that it is the table you mean")

    def _select(
        self, kinds: Mapping[str, KindChoice], columns: Sequence[str] | None
    ) -> tuple[Mapping[str, KindChoice], list[str] | None]:
        """The kinds of the columns to read, and these columns; `None` for all. Raises DataError for an unknown one."""
        if kinds:
            check_kinds(kinds, self.names, self.name)
        if columns is None:
            return kinds, None
        for column in columns:
            if column not in self.names:
                raise DataError(f"{self.name} has no column {column!r}{names_hint(column, self.names)}")
        if not columns:
            raise DataError(f"{self.name}: no column is selected; name at least one")
        kinds = {column: kind for column, kind in kinds.items() if column in columns}
        # for all columns, None gives the simplest statement
        return kinds, None if set(columns) == set(self.names) else list(dict.fromkeys(columns))


# Nine parameters: those of Source and of its read method, because most callers need one call for both.
def read_table(
    source: str | Path,
    *,
    nulls: Sequence[str] = (),
    kinds: Mapping[str, KindChoice] | None = None,
    query: str | None = None,
    table: str | None = None,
    columns: Sequence[str] | None = None,
    rows: int | None = None,
    seed: int = 0,
    reading: ReadOptions = DEFAULT_READING,
) -> pa.Table:
    """Read the table at an address; `source`, `nulls`, `query`, `table` and `reading` are as for `Source`.

    The columns are float64, int64, bool, string or timestamp[us, UTC]; a column of another type stays as it is, for the
    caller to leave out. A missing value is null, also where the file has NaN. `kinds` says what a column is where the
    file's own reading is wrong. `columns` limits the columns. `rows` takes a random sample of that size, the same for
    the same `seed`, in the order of the table: of Parquet, some row groups of every file are read, in which each row is
    equally likely; anything else is streamed, and at most twice the sample is in memory. CSV and JSON are read whole,
    one file at a time, because the type of a column is known only after its last cell.
    Raises DataError naming the file, and the row and column where it can.
    """
    opened = Source(source, nulls=nulls, query=query, table=table, reading=reading)
    return opened.read(kinds=kinds, columns=columns, rows=rows, seed=seed)


def scan_table(
    source: str | Path,
    *,
    nulls: Sequence[str] = (),
    kinds: Mapping[str, KindChoice] | None = None,
    query: str | None = None,
    table: str | None = None,
    columns: Sequence[str] | None = None,
    reading: ReadOptions = DEFAULT_READING,
) -> TableScan:
    """The same table batch by batch, for one that does not fit into memory.

    Parquet and databases are streamed. CSV and JSON are read whole, one file at a time, because the type of a
    column is known only after its last cell; of several files, each is read twice. Raises DataError as `read_table`.
    """
    return Source(source, nulls=nulls, query=query, table=table, reading=reading).scan(kinds=kinds, columns=columns)
