"""Feather and Arrow IPC files, as files or as streams: read batch by batch, in the types that they store."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

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

__all__ = ["FeatherPart"]

_FILE = b"ARROW1"
"""What an Arrow file begins with, which is Feather's version 2; a stream begins otherwise."""


class FeatherPart(TablePart):
    """A Feather or Arrow IPC file, without the unnamed index of a pandas frame."""

    def __init__(self, file: TableFile, request: ReadRequest) -> None:
        self.name = file.name
        self._file = file
        self._nulls = request.nulls

    def column_names(self) -> list[str]:
        """The columns of the file's schema, then those of the folders."""
        stored = [name for name in self._stored.names if not PANDAS_INDEX.fullmatch(name)]
        return with_folder_columns(stored, self._file.folder_columns)

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema | None:
        """From the file, unless its values decide whether unsigned numbers fit into int64."""
        names = self.column_names() if columns is None else columns
        types = [self._type(name) for name in names]
        return None if pa.uint64() in types else pa.schema(zip(names, types, strict=True))

    def batches(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: GroupRows | None = None
    ) -> Iterator[pa.Table]:
        """The stored batches, cut where they are too long; only `columns` are kept."""
        names = self.column_names() if columns is None else columns
        stored = [name for name in names if name in self._stored.names] or self._stored.names[:1]
        whole = pa.uint64() in [self._type(name) for name in names]  # its type is that of the largest number
        tables = self._tables(stored)
        for table in [pa.concat_tables(tables)] if whole else tables:
            table = add_folder_columns(table, self._file.folder_columns).select(names)
            table = replace_nulls(table, self._nulls) if self._nulls else table
            if whole:
                yield table
                continue
            for start in range(0, table.num_rows, BATCH_ROWS):
                yield table.slice(start, BATCH_ROWS)

    @cached_property
    def _stored(self) -> pa.Schema:
        with self._errors(), open_seekable(self._file) as opened:
            stored = _reader(opened).schema
        check_unique_names(stored.names, self.name)
        return stored

    def _type(self, name: str) -> pa.DataType:
        is_stored = name in self._stored.names
        return self._stored.field(name).type if is_stored else self._file.folder_columns[name].type

    def _tables(self, stored: Sequence[str]) -> Iterator[pa.Table]:
        with self._errors(), open_seekable(self._file) as opened:
            reader = _reader(opened)
            is_stream = isinstance(reader, pa.RecordBatchStreamReader)
            for batch in reader if is_stream else map(reader.get_batch, range(reader.num_record_batches)):
                table = pa.Table.from_batches([batch]).select(stored)
                table.validate(full=True)
                yield table

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise DataError for an error of the storage or of the content."""
        try:
            yield
        except (pa.ArrowException, OSError, ValueError, EOFError) as error:
            raise self._file.storage_error(error) or DataError(
                f"{self.name} is not a Feather or Arrow file, or an incomplete one; write it again"
            ) from None


def _reader(opened: pa.NativeFile) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    begin = opened.read(len(_FILE))
    opened.seek(0)
    return pa.ipc.open_file(opened) if begin == _FILE else pa.ipc.open_stream(opened)
