"""CSV files as people have them: any delimiter and encoding, quoted line breaks, spreadsheets' rows of totals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

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
    """The rows; Arrow infers the types from the whole file, and blank lines are left out.

    Text, and the columns in `kinds`, keep their texts, also those that mean a missing value. `columns` limits the
    columns, which come in the order of the file. Raises DataError naming the row in which the file is not one table.
    """
    table = _read(layout, name, nulls, list(kinds), columns)
    doubtful = _doubtful_columns(table, layout.content, layout.delimiter)
    if doubtful:
        table = _read(layout, name, nulls, [*kinds, *doubtful], columns)
    return table if layout.rows is None else table.filter(pa.array(layout.rows))


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


def _read(
    layout: CsvLayout,
    name: str,
    nulls: Sequence[str],
    text_columns: Sequence[str],
    columns: Sequence[str] | None,
) -> pa.Table:
    convert = pcsv.ConvertOptions(
        null_values=list(nulls),
        strings_can_be_null=False,  # text keeps its words: which of them mean missing is decided by the whole column
        column_types=dict.fromkeys(text_columns, pa.string()),
        include_columns=columns if columns is not None or layout.columns == layout.names else layout.columns,
    )
    return read_cells(layout.content, layout.delimiter, layout.names, layout.has_header, name, convert)
