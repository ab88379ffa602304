"""Parquet files: columns and types from the footer; only the columns and row groups that are needed are read."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fasttrack.data.file import open_seekable
from fasttrack.data.null_spellings import replace_nulls
from fasttrack.data.part import BATCH_ROWS, TablePart
from fasttrack.data.partitions import add_folder_columns, with_folder_columns
from fasttrack.data.plain_types import PANDAS_INDEX, check_unique_names
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile
    from fasttrack.data.part import GroupRows
    from fasttrack.data.request import ReadRequest

__all__ = ["ParquetPart"]

_PAST_INT64 = 2**63


class ParquetPart(TablePart):
    """A Parquet file, without the unnamed index of a pandas frame."""

    def __init__(self, file: TableFile, request: ReadRequest) -> None:
        self.name = file.name
        self._file = file
        self._nulls = request.nulls

    def column_names(self) -> list[str]:
        """The columns of the footer, then those of the folders."""
        stored = [name for name in self._stored.names if not PANDAS_INDEX.fullmatch(name)]
        return with_folder_columns(stored, self._file.folder_columns)

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema:
        """From the footer; whether unsigned numbers fit into int64 say the column's statistics, else its values."""
        names = self.column_names() if columns is None else columns
        return pa.schema((name, self._type(name)) for name in names)

    def group_sizes(self) -> list[int]:
        """The rows of each row group."""
        return [self._metadata.row_group(group).num_rows for group in range(self._metadata.num_row_groups)]

    def batches(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: GroupRows | None = None
    ) -> Iterator[pa.Table]:
        """Batches within row groups; only `columns` are read from the file."""
        schema = self.schema(kinds, columns)
        for table in self._read(schema.names, rows):
            for index, field in enumerate(schema):
                if table.schema.field(index).type == pa.uint64():
                    cells = pc.cast(table.column(index), field.type, safe=False)
                    table = table.set_column(index, field.name, cells)
            yield replace_nulls(table, self._nulls) if self._nulls else table

    @cached_property
    def _metadata(self) -> pq.FileMetaData:
        with self._open() as file:
            return file.metadata

    @cached_property
    def _stored(self) -> pa.Schema:
        with self._errors():
            stored = self._metadata.schema.to_arrow_schema()
        check_unique_names(stored.names, self.name)
        return stored

    @cached_property
    def _stored_names(self) -> set[str]:
        return set(self._stored.names)

    def _type(self, name: str) -> pa.DataType:
        if name not in self._stored_names:
            return self._file.folder_columns[name].type
        type_ = self._stored.field(name).type
        return self._signed_type(name) if type_ == pa.uint64() else type_

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise DataError for an error of the storage or of the content."""
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._file.storage_error(error) or DataError(
                f"{self.name} is not a Parquet file, or an incomplete one; write it again"
            ) from None

    @contextmanager
    def _open(self, **options: Any) -> Iterator[pq.ParquetFile]:
        with (
            self._errors(),
            open_seekable(self._file) as content,
            pq.ParquetFile(content, page_checksum_verification=True, **options) as file,
        ):
            yield file

    def _read(self, names: Sequence[str], rows: GroupRows | None) -> Iterator[pa.Table]:
        stored = [name for name in names if name in self._stored_names]
        stored = stored or self._stored.names[:1]  # columns of folders alone still need the number of rows
        groups = range(len(self.group_sizes())) if rows is None else sorted(rows)
        with self._open(metadata=self._metadata) as file:
            for group in groups:
                start = 0
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=stored):
                    table = pa.Table.from_batches([batch]).select(stored)
                    table.validate(full=True)
                    if rows is not None:
                        in_group = rows[group]
                        in_batch = in_group[(in_group >= start) & (in_group < start + len(batch))] - start
                        start += len(batch)
                        if not len(in_batch):
                            continue
                        table = table.take(pa.array(in_batch))
                    yield add_folder_columns(table, self._file.folder_columns).select(names)

    def _signed_type(self, name: str) -> pa.DataType:
        """int64 if all numbers of an unsigned column fit, else float64."""
        place = next(i for i in range(self._metadata.num_columns) if self._metadata.schema.column(i).path == name)
        chunks = [self._metadata.row_group(group).column(place) for group in range(self._metadata.num_row_groups)]
        if all(chunk.statistics is not None and chunk.statistics.has_min_max for chunk in chunks):
            largest = max((chunk.statistics.max for chunk in chunks), default=0)
        else:
            batch_maxima = [pc.max(table.column(0)).as_py() for table in self._read([name], None)]
            largest = max((maximum for maximum in batch_maxima if maximum is not None), default=0)
        return pa.int64() if largest < _PAST_INT64 else pa.float64()
