"""Parts of a table in files that are read whole: a column's type is known only after its last cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import pyarrow as pa

from fasttrack.data.file import read_content
from fasttrack.data.part import BATCH_ROWS, TablePart
from fasttrack.data.partitions import add_folder_columns, with_folder_columns
from fasttrack.data.plain_types import check_unique_names
from fasttrack.data.text_encoding import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile
    from fasttrack.data.part import GroupRows
    from fasttrack.data.request import ReadRequest
    from fasttrack.reading import ReadOptions

__all__ = ["TextFormat", "TextPart", "decode_utf8"]

Content = TypeVar("Content")
"""What a format makes of the bytes of a file before it reads names and rows from it."""


def decode_utf8(content: bytes, name: str, reading: ReadOptions) -> tuple[bytes, list[str]]:
    """The text as UTF-8, for a format that needs nothing else. Raises DataError."""
    return decode_text(content, name, reading.encoding)


@dataclass(frozen=True)
class TextFormat(Generic[Content]):
    """How one format of files is parsed. All three functions raise DataError."""

    prepare: Callable[[bytes, str, ReadOptions], tuple[Content, list[str]]]
    """`(bytes, name for messages, options)` → what the other functions take, and notes on what was not plain."""
    column_names: Callable[[Content, str], list[str]]
    """`(content, name)` → the columns."""
    parse: Callable[[Content, str, Sequence[str], Mapping[str, Kind], Sequence[str] | None], pa.Table]
    """`(content, name, nulls, kinds, columns)` → the rows of these columns; those in `kinds` stay text."""
    untyped: bool = False
    """Whether the format stores no types."""


class TextPart(TablePart, Generic[Content]):
    """A file that is read whole, compressed or not."""

    def __init__(self, file: TableFile, text_format: TextFormat[Content], request: ReadRequest) -> None:
        self.name = file.name
        self.untyped = text_format.untyped
        self.notes: list[str] = []
        self._file = file
        self._format = text_format
        self._nulls = request.untyped_nulls if text_format.untyped else request.nulls
        self._reading = request.reading
        self._content: Content | None = None

    def column_names(self) -> list[str]:
        """The columns of the content, then those of the folders."""
        stored = self._stored_names()
        return with_folder_columns(stored, self._file.folder_columns)

    def batches(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: GroupRows | None = None
    ) -> Iterator[pa.Table]:
        """The whole file, cut into batches."""
        stored_columns = None
        if columns is not None:
            stored = self._stored_names()
            # columns of folders alone still need the number of rows
            stored_columns = [name for name in stored if name in columns] or stored[:1]
        content = self._prepared()
        self._content = None
        table = self._format.parse(content, self.name, self._nulls, kinds, stored_columns)
        del content
        table = add_folder_columns(table, self._file.folder_columns)
        if columns is not None:
            table = table.select(columns)
        for start in range(0, max(table.num_rows, 1), BATCH_ROWS):
            yield table.slice(start, BATCH_ROWS)

    def _prepared(self) -> Content:
        """The content, kept because the names are usually read before the rows."""
        if self._content is None:
            self._content, notes = self._format.prepare(read_content(self._file), self.name, self._reading)
            self.notes[:] = notes
        return self._content

    def _stored_names(self) -> list[str]:
        names = self._format.column_names(self._prepared(), self.name)
        check_unique_names(names, self.name)  # here, because a repeated name cannot be selected
        return names
