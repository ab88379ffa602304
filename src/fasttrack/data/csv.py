"""CSV as people really have it: any delimiter, a BOM, quoted newlines, decimal commas; each fault with its row."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from fasttrack.data.types import bad_cell
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_csv"]

_DELIMITERS = ",;\t|"
_MOSTLY = 0.95
"""From this share of numbers on, a text column is taken for a column of numbers with faults in it."""
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_COMMA_NUMBER = r"^\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*$"


def read_csv(content: bytes, name: str, nulls: Sequence[str], as_text: Sequence[str]) -> pa.Table:
    """The table in a CSV file with a header; types are inferred over the whole file.

    Columns in `as_text` are kept as they are written. Raises DataError naming the row where the file is not one table,
    and where a column of numbers holds something else.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    _check_text(content, name)
    if not content.strip():
        raise DataError(f"{name} is empty; check that it was written whole")
    delimiter = _delimiter(content)
    header = next(csv.reader(io.StringIO(content[:1_000_000].decode("utf-8", "ignore")), delimiter=delimiter))
    doubled = {column for column in header if header.count(column) > 1}
    if doubled:
        raise DataError(f"{name} has the column {min(doubled)!r} twice; rename one")
    table = _parse(content, name, delimiter, header, nulls, as_text, ".")
    if delimiter == ";" and _decimal_commas(table):
        table = _parse(content, name, delimiter, header, nulls, as_text, ",")
    for column in header:
        if column not in as_text and pa.types.is_string(table.schema.field(column).type):
            _check_numbers(table.column(column), column, name)
    return table


def _parse(
    content: bytes,
    name: str,
    delimiter: str,
    header: list[str],
    nulls: Sequence[str],
    as_text: Sequence[str],
    decimal_point: str,
) -> pa.Table:
    convert = pcsv.ConvertOptions(
        null_values=[*pcsv.ConvertOptions().null_values, *nulls],
        strings_can_be_null=True,
        column_types={column: pa.string() for column in as_text if column in header},
        decimal_point=decimal_point,
    )
    try:
        return pcsv.read_csv(
            io.BytesIO(content),
            parse_options=pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=convert,
        )
    except pa.ArrowException as error:
        raise DataError(_fault(content, name, delimiter, len(header), str(error))) from None


def _check_text(content: bytes, name: str) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} line {line} is not UTF-8 text; convert the file: iconv -f latin1 -t utf-8 {name}"
        ) from None
    if b"\0" in content:
        raise DataError(f"{name} holds NUL bytes, so it is no text file; save it as CSV in UTF-8")


def _delimiter(content: bytes) -> str:
    """The delimiter that stands most often in the header, outside quotes."""
    header = re.sub(r'"[^"]*"', "", content[:100_000].decode("utf-8", "ignore")).lstrip("\r\n").split("\n")[0]
    return max(_DELIMITERS, key=lambda sign: (header.count(sign), -_DELIMITERS.index(sign)))


def _fault(content: bytes, name: str, delimiter: str, columns: int, error: str) -> str:
    reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), delimiter=delimiter)
    next(reader)
    row = 0
    for cells in reader:
        if not cells:
            continue
        row += 1
        if len(cells) != columns:
            return (
                f"{name} row {row} has {len(cells)} cells, the header has {columns}; "
                "fix the row, and quote cells that hold the delimiter or a line break"
            )
    place = re.search(r"[Rr]ow #?(\d+)", error)
    return f"{name} cannot be read as CSV{f' (row {place.group(1)})' if place else ''}; check its quotes and delimiters"


def _decimal_commas(table: pa.Table) -> bool:
    return any(
        pa.types.is_string(column.type)
        and column.null_count < len(column)
        and pc.all(pc.match_substring_regex(column, _COMMA_NUMBER)).as_py()
        for column in table.columns
    )


def _check_numbers(column: pa.ChunkedArray, column_name: str, name: str) -> None:
    """Refuse text where nearly every cell is a number: one bad cell must not turn a measure into categories."""
    numbers = pc.match_substring_regex(column, _NUMBER)
    valid = len(column) - column.null_count
    if not valid or pc.sum(numbers).as_py() < _MOSTLY * valid:
        return
    bad = pc.index(numbers, False).as_py()
    if bad < 0:
        return  # all numbers, and still text: too long for any number type
    text = column[bad].as_py()
    advice = f"fix the cell, pass --null {text}, or --kind {column_name}=category to keep it as text"
    raise bad_cell(name, bad, column_name, text, "a number", advice)
