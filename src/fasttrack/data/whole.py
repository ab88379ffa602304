"""Files whose rows only tell together what their columns are: CSV and JSON are read whole, one file at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from fasttrack.data.compression import decompressed
from fasttrack.data.part import AT_ONCE, Part
from fasttrack.data.partitions import with_folders
from fasttrack.data.types import check_once
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import File
    from fasttrack.data.part import Rows

__all__ = ["Format", "WholePart", "content_of"]


@dataclass(frozen=True)
class Format:
    """How a kind of text file is read: of its content and its name for messages. Both raise DataError."""

    names: Callable[[bytes, str], list[str]]
    """The columns."""
    table: Callable[[bytes, str, Sequence[str], Mapping[str, Kind], Sequence[str] | None], pa.Table]
    """Also of further nulls, kinds, and the columns that are wanted → their rows; those with a kind as written."""
    written: bool = False
    """Whether the cells have no types."""


class WholePart(Part):
    """A text file, compressed or not."""

    def __init__(self, file: File, form: Format, packed: str, nulls: Sequence[str]) -> None:
        self.name = file.name
        self.written = form.written
        self._file = file
        self._form = form
        self._packed = packed
        self._nulls = nulls
        self._content: bytes | None = None

    def names(self) -> list[str]:
        """As the content and the folders name them."""
        inside = self._inside()
        return [*inside, *(name for name in self._file.folders if name not in inside)]

    def tables(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: Rows | None = None
    ) -> Iterator[pa.Table]:
        """The whole file, cut into batches."""
        inside = None
        if columns is not None:
            there = self._inside()
            inside = [name for name in there if name in columns] or there[:1]  # the folders' need the number of rows
        content = self._content or content_of(self._file, self._packed)
        self._content = None
        table = self._form.table(content, self.name, self._nulls, kinds, inside)
        del content
        table = with_folders(table, self._file.folders)
        if columns is not None:
            table = table.select(columns)
        for start in range(0, max(table.num_rows, 1), AT_ONCE):
            yield table.slice(start, AT_ONCE)

    def _inside(self) -> list[str]:
        if self._content is None:  # kept until the rows are read, which is what mostly follows
            self._content = content_of(self._file, self._packed)
        names = self._form.names(self._content, self.name)
        check_once(names, self.name)  # here, since a name that is there twice cannot be selected
        return names


def content_of(file: File, packed: str) -> bytes:
    """The content of a file, of which `packed` is the ending of a compression, or nothing. Raises DataError."""
    try:
        with file.open() as opened:
            content = bytes(opened.read())
    except (OSError, pa.ArrowException) as error:
        raise file.fault(error) or DataError(f"{file.name} cannot be read: {error}") from None
    if content and packed:
        content = decompressed(content, packed, file.name)
    if not content:
        raise DataError(f"{file.name} is empty; check that it was written whole")
    return content
