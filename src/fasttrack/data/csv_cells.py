"""The cells of CSV text by Arrow, and which row is wrong when Arrow cannot read it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pcsv

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["check_quotes", "first_cells", "read_cells"]

_START = 1 << 16
"""Bytes in which the first rows are looked for first."""
_BLOCK = 1 << 20
_LARGEST_BLOCK = 2**31 - 1


def check_quotes(content: bytes, delimiter: str, name: str) -> None:
    """Raise DataError naming the row that opens a quote which is never closed."""
    if content.count(b'"') % 2:
        # Arrow reads on to the end of the file, without an error, when the last column opens a quote
        for row, cells in enumerate(_cells_by_row(content, delimiter)):
            if not cells:
                where = f"row {row}" if row else "header"
                raise DataError(f"{name} {where} opens a quote that is never closed; close it")


def first_cells(content: bytes, delimiter: str, name: str) -> list[str]:
    """The cells of the first row. Raises DataError if there is none."""
    parse = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    for size in (_START, *_block_sizes(content)):
        start = content if size >= len(content) else content[: max(content.rfind(end, 0, size) for end in b"\r\n") + 1]
        read = pcsv.ReadOptions(block_size=size, use_threads=False)
        with suppress(pa.ArrowException), pcsv.open_csv(pa.BufferReader(start), read, parse) as reader:
            return list(reader.schema.names)
    raise _row_error(content, name, delimiter)


def read_cells(
    content: bytes, delimiter: str, names: Sequence[str], has_header: bool, name: str, convert: pcsv.ConvertOptions
) -> pa.Table:
    """All rows below the header, in columns called `names`; blank lines are left out.

    Raises DataError naming the row in which the file called `name` is not one table.
    """
    parse = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    for block in _block_sizes(content):
        read = pcsv.ReadOptions(block_size=block, column_names=names, skip_rows_after_names=int(has_header))
        with suppress(pa.ArrowException):
            return pcsv.read_csv(pa.BufferReader(content), read, parse, convert)
    raise _row_error(content, name, delimiter)


def _block_sizes(content: bytes) -> tuple[int, int]:
    """The sizes to try: a header or a row may be longer than the first."""
    return _BLOCK, min(len(content) + 1, _LARGEST_BLOCK)


def _cells_by_row(content: bytes, delimiter: str) -> Iterator[int]:
    """The number of cells of the header and of each row, as Arrow counts them; 0 for a quote that is never closed.

    Only a quote at the start of a cell counts, one inside is a character like any other. Blank lines are left out.
    """
    separator = re.escape(delimiter.encode())
    cell = re.compile(rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?!"))([^%s\r\n]*+)(%s|\r\n|\n|\r|\Z)' % (separator, separator))
    position, cells = 0, 0
    while position < len(content):
        match = cell.match(content, position)
        if match is None:
            yield 0
            return
        is_blank = not cells and match.end() - position == len(match[2])
        position = match.end()
        if match[2] == delimiter.encode():
            cells += 1
        elif not is_blank:
            yield cells + 1
            cells = 0


def _row_error(content: bytes, name: str, delimiter: str) -> DataError:
    """Why Arrow does not read the file: the first row with another number of cells than the header."""
    rows = _cells_by_row(content, delimiter)
    header = next(rows)
    for row, cells in enumerate(rows, start=1):
        if cells and cells != header:
            return DataError(
                f"{name} row {row} has {cells} cell{'s' * (cells > 1)}, the header has {header}; "
                "fix the row, and quote cells that contain the delimiter or a line break"
            )
    return DataError(f"{name} cannot be read as CSV; check its quotes and delimiters")
