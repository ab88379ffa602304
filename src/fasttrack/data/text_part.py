"""Parts of a table in text files, which are read whole: a column's type is known only after its last cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from fasttrack.data.file import read_content
from fasttrack.data.part import BATCH_ROWS, TablePart
from fasttrack.data.partitions import add_folder_columns
from fasttrack.data.plain_types import check_unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile
    from fasttrack.data.part import GroupRows

__all__ = ["TextFormat", "TextPart"]


@dataclass(frozen=True)
class TextFormat:
    """How one format of text files is parsed. Both functions raise DataError."""

    column_names: Callable[[bytes, str], list[str]]
    """`(content, name for messages)` → the columns."""
    parse: Callable[[bytes, str, Sequence[str], Mapping[str, Kind], Sequence[str] | None], pa.Table]
    """`(content, name, nulls, kinds, columns)` → the rows of these columns; those in `kinds` stay text."""
    untyped: bool = False
    """Whether the format stores no types."""


class TextPart(TablePart):
    """A text file, compressed or not. `nulls` are further spellings of a missing value."""

    def __init__(self, file: TableFile, text_format: TextFormat, nulls: Sequence[str]) -> None:
        self.name = file.name
        self.untyped = text_format.untyped
        self._file = file
        self._format = text_format
        self._nulls = nulls
        self._content: bytes | None = None

    def column_names(self) -> list[str]:
        """The columns of the content, then those of the folders."""
        stored = self._stored_names()
        return [*stored, *(name for name in self._file.folder_columns if name not in stored)]

    def batches(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: GroupRows | None = None
    ) -> Iterator[pa.Table]:
        """The whole file, cut into batches."""
        stored_columns = None
        if columns is not None:
            stored = self._stored_names()
            # columns of folders alone still need the number of rows
            stored_columns = [name for name in stored if name in columns] or stored[:1]
        content = self._content or read_content(self._file)
        self._content = None
        table = self._format.parse(content, self.name, self._nulls, kinds, stored_columns)
        del content
        table = add_folder_columns(table, self._file.folder_columns)
        if columns is not None:
            table = table.select(columns)
        for start in range(0, max(table.num_rows, 1), BATCH_ROWS):
            yield table.slice(start, BATCH_ROWS)

    def _stored_names(self) -> list[str]:
        if self._content is None:  # kept, because the rows are usually read next
            self._content = read_content(self._file)
        names = self._format.column_names(self._content, self.name)
        check_unique_names(names, self.name)  # here, because a repeated name cannot be selected
        return names
