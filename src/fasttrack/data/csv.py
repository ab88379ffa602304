"""CSV files as people have them: any delimiter, byte order mark, quoted line breaks, decimal commas."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from fasttrack.data.text_part import TextFormat, TextPart
from fasttrack.data.utf8 import utf8_content
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile
    from fasttrack.data.request import ReadRequest

__all__ = ["csv_part"]

_DELIMITERS = ";\t|,"
"""The first of them wins when several fit: a comma may be part of the names and numbers between other delimiters."""
_SNIFFED_LINES = 20
_SNIFFED_BYTES = 100_000
_BLOCK = 1 << 20
_LARGEST_BLOCK = 2**31 - 1


def csv_part(file: TableFile, request: ReadRequest) -> TextPart:
    """A CSV file with a header."""
    return TextPart(file, TextFormat(_column_names, _parse, untyped=True), request.untyped_nulls)


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
    """The rows; Arrow infers the types from the whole file, and blank lines are left out.

    Text, and the columns in `kinds`, keep their texts, also those that mean a missing value. `columns` limits the
    columns, which come in the order of the file. Raises DataError naming the row in which the file is not one table.
    """
    content = _normalise(content, name)
    delimiter = _find_delimiter(content)
    table = _read(content, name, delimiter, nulls, list(kinds), columns)
    doubtful = _doubtful_columns(table, content, delimiter)
    if doubtful:
        table = _read(content, name, delimiter, nulls, [*kinds, *doubtful], columns)
    return table


def _doubtful_columns(table: pa.Table, content: bytes, delimiter: str) -> list[str]:
    """The columns whose texts say more than the values that Arrow read.

    07:30 would become 07:30:00, and 01234, a code, 1234. A number such as 1.234 may be 1,234 in another notation.
    """
    has_zeros = re.search(
        rb'(?:^|[\r\n"%s]) *0[0-9]+ *(?:[\r\n"%s]|\Z)' % ((re.escape(delimiter.encode()),) * 2), content
    )
    doubtful = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if (
            pa.types.is_time(field.type)
            or (has_zeros is not None and pa.types.is_integer(field.type))
            or (pa.types.is_floating(field.type) and _may_be_thousands(column))
        ):
            doubtful.append(field.name)
    return doubtful


def _may_be_thousands(column: pa.ChunkedArray) -> bool:
    """Whether each number has three decimals at most and one to three digits before them, as 1.234 for 1,234 has."""
    present = column.drop_null()
    size = pc.abs(present)
    if not len(present) or pc.min(size).as_py() < 1 or pc.max(size).as_py() >= 1000:
        return False
    thousandths = pc.multiply(present, 1000.0)
    distances = pc.abs(pc.subtract(thousandths, pc.round(thousandths)))
    fractions = pc.not_equal(pc.round(present), present)
    return bool(pc.max(distances).as_py() < 1e-6 and pc.mean(fractions).as_py() > 0.5)


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
        null_values=list(nulls),
        strings_can_be_null=False,  # text keeps its words: which of them mean missing is decided by the whole column
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
