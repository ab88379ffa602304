"""Parquet → Arrow: columns and types from the footer, rows by row group, and of both only what is wanted."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fasttrack.data.part import AT_ONCE, Part
from fasttrack.data.partitions import with_folders
from fasttrack.data.types import check_once
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import File
    from fasttrack.data.part import Rows

__all__ = ["ParquetPart"]

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls the nameless index of a filtered or shuffled frame: the places of its rows, not a column."""
_LARGEST = 2**63


class ParquetPart(Part):
    """A Parquet file, without the nameless index of a pandas frame; `nulls` are further spellings of a missing cell."""

    def __init__(self, file: File, nulls: Sequence[str]) -> None:
        self.name = file.name
        self._file = file
        self._nulls = nulls

    def names(self) -> list[str]:
        """As the footer and the folders name them."""
        stored = [name for name in self._stored.names if not _PANDAS_INDEX.fullmatch(name)]
        return [*stored, *(name for name in self._file.folders if name not in stored)]

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema:
        """As the footer says; unsigned numbers as the statistics of the column, or all of it, say that they fit."""
        wanted = self.names() if columns is None else columns
        of = {name: self._stored.field(name).type if name in self._inside else None for name in wanted}
        fields = {
            name: self._signed(name) if kind == pa.uint64() else self._file.folders[name].type if kind is None else kind
            for name, kind in of.items()
        }
        return pa.schema(fields.items())

    def groups(self) -> list[int]:
        """The rows of each row group."""
        return [self._metadata.row_group(group).num_rows for group in range(self._metadata.num_row_groups)]

    def tables(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: Rows | None = None
    ) -> Iterator[pa.Table]:
        """Batches within row groups, of the columns that are wanted only."""
        schema = self.schema(kinds, columns)
        for table in self._tables(schema.names, rows):
            for index, field in enumerate(schema):
                if table.schema.field(index).type == pa.uint64():
                    cells = pc.cast(table.column(index), field.type, safe=False)
                    table = table.set_column(index, field.name, cells)
            yield _without(self._nulls, table) if self._nulls else table

    @cached_property
    def _metadata(self) -> pq.FileMetaData:
        with self._reading() as file:
            return file.metadata

    @cached_property
    def _stored(self) -> pa.Schema:
        with self._told():
            stored = self._metadata.schema.to_arrow_schema()
        check_once(stored.names, self.name)
        return stored

    @cached_property
    def _inside(self) -> set[str]:
        return set(self._stored.names)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as error:
            told = self._file.fault(error)
            raise told or DataError(f"{self.name} is no Parquet file, or not a whole one; write it again") from None

    @contextmanager
    def _reading(self, **options: Any) -> Iterator[pq.ParquetFile]:
        with (
            self._told(),
            self._file.open() as content,
            pq.ParquetFile(content, page_checksum_verification=True, **options) as file,
        ):
            yield file

    def _tables(self, names: Sequence[str], rows: Rows | None) -> Iterator[pa.Table]:
        inside = [name for name in names if name in self._inside]
        read = inside or self._stored.names[:1]  # columns of folders alone still need the number of rows
        groups = range(len(self.groups())) if rows is None else sorted(rows)
        with self._reading(metadata=self._metadata) as file:
            for group in groups:
                start = 0
                for batch in file.iter_batches(AT_ONCE, row_groups=[group], columns=read):
                    table = pa.Table.from_batches([batch]).select(read)
                    table.validate(full=True)
                    if rows is not None:
                        here = rows[group]
                        some = here[(here >= start) & (here < start + len(batch))] - start
                        start += len(batch)
                        if not len(some):
                            continue
                        table = table.take(pa.array(some))
                    yield with_folders(table, self._file.folders).select(names)

    def _signed(self, name: str) -> pa.DataType:
        """int64 where all numbers of an unsigned column fit, else float64."""
        place = next(i for i in range(self._metadata.num_columns) if self._metadata.schema.column(i).path == name)
        chunks = [self._metadata.row_group(group).column(place) for group in range(self._metadata.num_row_groups)]
        if all(chunk.statistics is not None and chunk.statistics.has_min_max for chunk in chunks):
            most = max((chunk.statistics.max for chunk in chunks), default=0)
        else:
            found = [pc.max(table.column(0)).as_py() for table in self._tables([name], None)]
            most = max((one for one in found if one is not None), default=0)
        return pa.int64() if most < _LARGEST else pa.float64()


def _without(nulls: Sequence[str], table: pa.Table) -> pa.Table:
    """`table` with null for each cell that is written as one of `nulls`."""
    spellings = pa.array(list(nulls), pa.string())
    for index, field in enumerate(table.schema):
        column = table.column(index)
        try:
            missing = pc.is_in(pc.cast(column, pa.string()), value_set=spellings)
        except pa.ArrowException:  # a nested column is not written as one text
            continue
        if pc.any(missing).as_py():
            table = table.set_column(index, field, pc.if_else(missing, pa.scalar(None, field.type), column))
    return table
