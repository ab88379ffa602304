"""One file of a table, wherever it is stored: how to open it, and what an error of its storage means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fasttrack.data.compression import decompress
from fasttrack.errors import DataError
from fasttrack.file_formats import compression_of

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["TableFile", "open_seekable", "read_content"]


@dataclass(frozen=True)
class TableFile:
    """A file of bytes."""

    name: str
    """For messages."""
    file_name: str
    """Its endings say the format and the compression."""
    open: Callable[[], Any]
    """Open it anew as a binary file that can be read from any position."""
    storage_error: Callable[[Exception], DataError | None]
    """What to raise for an error of the storage, such as the network; `None` for an error of the content."""
    folder_columns: Mapping[str, pa.Scalar] = field(default_factory=dict)
    """Columns that the names of its folders hold, as in `year=2013/`."""


def read_content(file: TableFile) -> bytes:
    """The content of a file, decompressed. Raises DataError, also if it is empty."""
    try:
        with file.open() as opened:
            content = bytes(opened.read())
    except (OSError, pa.ArrowException) as error:
        raise file.storage_error(error) or DataError(f"{file.name} cannot be read: {error}") from None
    compression = compression_of(file.file_name)
    if content and compression:
        content = decompress(content, compression, file.name)
    if not content:
        raise DataError(f"{file.name} is empty; check that it was written completely")
    return content


def open_seekable(file: TableFile) -> BinaryIO | pa.BufferReader:
    """The file, open for reading from any position; a compressed file is decompressed in memory. Raises DataError."""
    return pa.BufferReader(read_content(file)) if compression_of(file.file_name) else file.open()
