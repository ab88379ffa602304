"""CSV files as people have them: any delimiter and encoding, quoted line breaks, spreadsheets' rows of totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from fasttrack.data.column_kinds import MOSTLY, infer_kind
from fasttrack.data.csv_cells import read_cells
from fasttrack.data.csv_layout import CsvLayout, find_layout
from fasttrack.data.text_part import TextFormat, TextPart
from fasttrack.file_formats import format_ending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile
    from fasttrack.data.request import ReadRequest
    from fasttrack.reading import ReadOptions

__all__ = ["csv_part"]

_COMMA_NUMBER = r"^\s*[+-]?\d*,?\d+([eE][+-]?\d+)?\s*$"


def csv_part(file: TableFile, request: ReadRequest) -> TextPart[CsvLayout]:
    """A CSV file."""
    ending = format_ending(file.file_name)

    def prepare(content: bytes, name: str, reading: ReadOptions) -> tuple[CsvLayout, list[str]]:
        return find_layout(content, name, ending, reading)

    return TextPart(file, TextFormat(prepare, _column_names, _parse, untyped=True), request)


def _column_names(layout: CsvLayout, name: str) -> list[str]:
    """The columns of the table."""
    return layout.columns


def _parse(
    layout: CsvLayout,
    name: str,
    nulls: Sequence[str],
    kinds: Mapping[str, Kind],
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows; types are inferred from the whole file, and blank lines are left out.

    Columns in `kinds` stay text. `columns` limits the columns, which come in the order of the file.
    Raises DataError naming the row in which the file is not one table, or a column of numbers has something else.
    """
    table = _read(layout, name, nulls, list(kinds), columns)
    times_of_day = [field.name for field in table.schema if pa.types.is_time(field.type)]
    if times_of_day:  # stay text: 07:30 would become 07:30:00
        table = _read(layout, name, nulls, [*kinds, *times_of_day], columns)
    for index, field in enumerate(table.schema):
        if not pa.types.is_string(field.type):
            continue
        column = table.column(index)
        kind = kinds.get(field.name)
        if layout.delimiter == ";" and kind in (None, "number"):
            column = _decimal_points(column)
        if kind is None:
            column = infer_kind(column, field.name, name, ["number", "datetime"])
        table = table.set_column(index, field.name, column)
    return table


def _read(
    layout: CsvLayout,
    name: str,
    nulls: Sequence[str],
    text_columns: Sequence[str],
    columns: Sequence[str] | None,
) -> pa.Table:
    convert = pcsv.ConvertOptions(
        null_values=[*pcsv.ConvertOptions().null_values, *nulls],
        strings_can_be_null=True,
        column_types=dict.fromkeys(text_columns, pa.string()),
        include_columns=columns if columns is not None or layout.columns == layout.names else layout.columns,
    )
    table = read_cells(layout.content, layout.delimiter, layout.names, layout.has_header, name, convert)
    return table if layout.rows is None else table.filter(pa.array(layout.rows))


def _decimal_points(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Points for decimal commas, in a column (nearly) all of whose cells are numbers with decimal commas."""
    numbers = pc.match_substring_regex(column, _COMMA_NUMBER)
    if (pc.mean(numbers).as_py() or 0) < MOSTLY:
        return column
    return pc.if_else(numbers, pc.replace_substring(column, ",", "."), column)
