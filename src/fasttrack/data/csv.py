"""CSV files as people have them: any delimiter, byte order mark, quoted line breaks, decimal commas."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from fasttrack.data.column_kinds import MOSTLY, infer_kind
from fasttrack.data.text_part import TextFormat, TextPart
from fasttrack.data.utf8 import utf8_content
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile

__all__ = ["csv_part"]

_DELIMITERS = ";\t|,"
"""The first of them wins when several fit: a comma may be part of the names and numbers between other delimiters."""
_SNIFFED_LINES = 20
_SNIFFED_BYTES = 100_000
_COMMA_NUMBER = r"^\s*[+-]?\d*,?\d+([eE][+-]?\d+)?\s*$"
_BLOCK = 1 << 20
_LARGEST_BLOCK = 2**31 - 1


def csv_part(file: TableFile, nulls: Sequence[str]) -> TextPart:
    """A CSV file with a header; `nulls` are further spellings of a missing value."""
    return TextPart(file, TextFormat(_column_names, _parse, untyped=True), nulls)


def _column_names(content: bytes, name: str) -> list[str]:
    """The columns of the header. Raises DataError if there is none."""
    content = _normalise(content, name)
    delimiter = _find_delimiter(content)
    parse = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    for block in _block_sizes(content):
        read = pcsv.ReadOptions(block_size=block)
        with suppress(pa.ArrowException), pcsv.open_csv(pa.BufferReader(content), read, parse) as reader:
            return list(reader.schema.names)
    raise _row_error(content, name, delimiter)


def _parse(
    content: bytes,
    name: str,
    nulls: Sequence[str],
    kinds: Mapping[str, Kind],
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows; types are inferred from the whole file, and blank lines are left out.

    Columns in `kinds` stay text. `columns` limits the columns, which come in the order of the file.
    Raises DataError naming the row in which the file is not one table, or a column of numbers has something else.
    """
    content = _normalise(content, name)
    delimiter = _find_delimiter(content)
    table = _read(content, name, delimiter, nulls, list(kinds), columns)
    times_of_day = [field.name for field in table.schema if pa.types.is_time(field.type)]
    if times_of_day:  # stay text: 07:30 would become 07:30:00
        table = _read(content, name, delimiter, nulls, [*kinds, *times_of_day], columns)
    for index, field in enumerate(table.schema):
        if not pa.types.is_string(field.type):
            continue
        column = table.column(index)
        kind = kinds.get(field.name)
        if delimiter == ";" and kind in (None, "number"):
            column = _decimal_points(column)
        if kind is None:
            column = infer_kind(column, field.name, name, ["number", "datetime"])
        table = table.set_column(index, field.name, column)
    return table


def _normalise(content: bytes, name: str) -> bytes:
    content = utf8_content(content, name).lstrip(b"\r\n")
    # Arrow finds no header in a single line without a line break
    return content if content.endswith((b"\n", b"\r")) else content + b"\n"


def _block_sizes(content: bytes) -> tuple[int, int]:
    """The sizes to try: a header or a row may be longer than the first."""
    return _BLOCK, min(len(content) + 1, _LARGEST_BLOCK)


def _read(
    content: bytes,
    name: str,
    delimiter: str,
    nulls: Sequence[str],
    text_columns: Sequence[str],
    columns: Sequence[str] | None,
) -> pa.Table:
    if content.count(b'"') % 2:
        # Arrow reads on to the end of the file, without an error, when the last column opens a quote
        for row, cells in enumerate(_cells_by_row(content, delimiter)):
            if not cells:
                where = f"row {row}" if row else "header"
                raise DataError(f"{name} {where} opens a quote that is never closed; close it")
    convert = pcsv.ConvertOptions(
        null_values=[*pcsv.ConvertOptions().null_values, *nulls],
        strings_can_be_null=True,
        column_types=dict.fromkeys(text_columns, pa.string()),
        include_columns=columns,
    )
    parse = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    for block in _block_sizes(content):
        read = pcsv.ReadOptions(block_size=block)
        with suppress(pa.ArrowException):
            return pcsv.read_csv(pa.BufferReader(content), read, parse, convert)
    raise _row_error(content, name, delimiter)


def _find_delimiter(content: bytes) -> str:
    """The delimiter that most of the first lines have as often as the header, outside quotes; by default a comma."""
    start = content[:_SNIFFED_BYTES].decode("utf-8", "ignore")
    unquoted = re.sub(r'(^|[;\t|,])"[^"]*(?:""[^"]*)*"', r'\1"', start, flags=re.MULTILINE)
    header, *others = [line for line in re.split(r"[\r\n]+", unquoted) if line][: _SNIFFED_LINES + 1]

    def fitness(delimiter: str) -> tuple[int, bool, int]:
        count = header.count(delimiter)
        return sum(line.count(delimiter) == count for line in others), delimiter != ",", count

    candidates = [
        delimiter
        for delimiter in _DELIMITERS
        if delimiter in header and (not others or any(delimiter in line for line in others))
    ]
    return max(candidates, key=fitness, default=",")


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


def _decimal_points(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Points for decimal commas, in a column (nearly) all of whose cells are numbers with decimal commas."""
    numbers = pc.match_substring_regex(column, _COMMA_NUMBER)
    if (pc.mean(numbers).as_py() or 0) < MOSTLY:
        return column
    return pc.if_else(numbers, pc.replace_substring(column, ",", "."), column)
