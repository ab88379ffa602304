"""CSV as people really have it: any delimiter, a byte order mark, quoted newlines, decimal commas; faults by row."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from fasttrack.data.kinds import MOSTLY, recognise
from fasttrack.data.text import checked_text
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind

__all__ = ["csv_names", "read_csv"]

_DELIMITERS = ";\t|,"
"""In the order in which they are believed when two fit: a comma may be part of the names and numbers between others."""
_SNIFFED_LINES = 20
_COMMA_NUMBER = r"^\s*[+-]?\d*,?\d+([eE][+-]?\d+)?\s*$"
_BLOCK = 1 << 20
_LARGEST_BLOCK = 2**31 - 1


def csv_names(content: bytes, name: str) -> list[str]:
    """The columns that the header names. Raises DataError where there is none."""
    content = _prepared(content, name)
    delimiter = _delimiter(content)
    parse = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    for block in _blocks(content):
        read = pcsv.ReadOptions(block_size=block)
        with suppress(pa.ArrowException), pcsv.open_csv(pa.BufferReader(content), read, parse) as reader:
            return list(reader.schema.names)
    raise _fault(content, name, delimiter)


def read_csv(
    content: bytes,
    name: str,
    nulls: Sequence[str],
    kinds: Mapping[str, Kind],
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The table in a CSV file with a header; types are inferred over the whole file, blank lines left out.

    Columns in `kinds` stay text, as they are written; only `columns` are read, if given, in the order of the file.
    Raises DataError naming the row where the file is not one table, and where a column of numbers holds something else.
    """
    content = _prepared(content, name)
    delimiter = _delimiter(content)
    table = _parse(content, name, delimiter, nulls, list(kinds), columns)
    clock = [field.name for field in table.schema if pa.types.is_time(field.type)]
    if clock:  # 07:30 would come back as 07:30:00
        table = _parse(content, name, delimiter, nulls, [*kinds, *clock], columns)
    for index, field in enumerate(table.schema):
        if not pa.types.is_string(field.type):
            continue
        column = table.column(index)
        kind = kinds.get(field.name)
        if delimiter == ";" and kind in (None, "number"):
            column = _with_points(column)
        if kind is None:
            column = recognise(column, field.name, name, ["number", "datetime"])
        table = table.set_column(index, field.name, column)
    return table


def _prepared(content: bytes, name: str) -> bytes:
    content = checked_text(content, name).lstrip(b"\r\n")
    # Arrow finds no header in a lone line without its end
    return content if content.endswith((b"\n", b"\r")) else content + b"\n"


def _blocks(content: bytes) -> tuple[int, int]:
    """A header or a row may be longer than a block."""
    return _BLOCK, min(len(content) + 1, _LARGEST_BLOCK)


def _parse(
    content: bytes,
    name: str,
    delimiter: str,
    nulls: Sequence[str],
    as_text: Sequence[str],
    columns: Sequence[str] | None,
) -> pa.Table:
    if content.count(b'"') % 2:
        # an open quote in the last column would swallow the rest of the file without a word
        for row, cells in enumerate(_cells_by_row(content, delimiter)):
            if not cells:
                where = f"row {row}" if row else "header"
                raise DataError(f"{name} {where} opens a quote that is never closed; close it")
    convert = pcsv.ConvertOptions(
        null_values=[*pcsv.ConvertOptions().null_values, *nulls],
        strings_can_be_null=True,
        column_types=dict.fromkeys(as_text, pa.string()),
        include_columns=columns,
    )
    parse = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    for block in _blocks(content):
        read = pcsv.ReadOptions(block_size=block)
        with suppress(pa.ArrowException):
            return pcsv.read_csv(pa.BufferReader(content), read, parse, convert)
    raise _fault(content, name, delimiter)


def _delimiter(content: bytes) -> str:
    """The sign that the first lines have, outside quotes, most often as often as the header; else a comma."""
    start = content[:100_000].decode("utf-8", "ignore")
    bare = re.sub(r'(^|[;\t|,])"[^"]*(?:""[^"]*)*"', r'\1"', start, flags=re.MULTILINE)
    header, *others = [line for line in re.split(r"[\r\n]+", bare) if line][: _SNIFFED_LINES + 1]

    def fitness(sign: str) -> tuple[int, bool, int]:
        often = header.count(sign)
        return sum(line.count(sign) == often for line in others), sign != ",", often

    signs = [sign for sign in _DELIMITERS if sign in header and (not others or any(sign in line for line in others))]
    return max(signs, key=fitness, default=",")


def _cells_by_row(content: bytes, delimiter: str) -> Iterator[int]:
    """The number of cells of the header and of each row, as Arrow counts them; 0 ends a file with an open quote.

    Only a quote at the start of a cell counts, one within is a letter like any other, and blank lines are none.
    """
    sign = re.escape(delimiter.encode())
    cell = re.compile(rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?!"))([^%s\r\n]*+)(%s|\r\n|\n|\r|\Z)' % (sign, sign))
    place, cells = 0, 0
    while place < len(content):
        found = cell.match(content, place)
        if found is None:
            yield 0
            return
        blank = not cells and found.end() - place == len(found[2])
        place = found.end()
        if found[2] == delimiter.encode():
            cells += 1
        elif not blank:
            yield cells + 1
            cells = 0


def _fault(content: bytes, name: str, delimiter: str) -> DataError:
    rows = _cells_by_row(content, delimiter)
    header = next(rows)
    for row, cells in enumerate(rows, start=1):
        if cells and cells != header:
            return DataError(
                f"{name} row {row} has {cells} cell{'s' * (cells > 1)}, the header has {header}; "
                "fix the row, and quote cells that hold the delimiter or a line break"
            )
    return DataError(f"{name} cannot be read as CSV; check its quotes and delimiters")


def _with_points(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimal commas as points, in a column that has (nearly) only numbers so written."""
    numbers = pc.match_substring_regex(column, _COMMA_NUMBER)
    if (pc.mean(numbers).as_py() or 0) < MOSTLY:
        return column
    return pc.if_else(numbers, pc.replace_substring(column, ",", "."), column)
