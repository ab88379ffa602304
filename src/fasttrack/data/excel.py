"""Workbooks of Excel: one sheet is the table, with the types that its cells have.

A sheet is read whole. A column of numbers or dates in which few cells are text is refused with the first such cell, as
in the other formats that store types; one with many is text.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from fasttrack.data.compression import check_expansion
from fasttrack.data.header import check_header, numbered_names
from fasttrack.data.sheet_cells import spell_cell, to_column
from fasttrack.data.spreadsheet_rows import clean_rows
from fasttrack.data.text_part import TextFormat, TextPart
from fasttrack.errors import DataError
from fasttrack.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile
    from fasttrack.data.request import ReadRequest
    from fasttrack.data.sheet_cells import Cell
    from fasttrack.reading import ReadOptions

__all__ = ["excel_part"]

_OLD_FORMAT = bytes.fromhex("d0cf11e0a1b11ae1")
"""What files of Excel 97 begin with, and those that are encrypted."""
_SAMPLE_ROWS = 200
_MOST_CELLS = 200_000_000
_DIMENSION = re.compile(rb'<dimension ref="[A-Z]+\d+:([A-Z]+)(\d+)"')


@dataclass(frozen=True)
class _Sheet:
    """The cells of a table: one list for each column, "" for an empty cell."""

    columns: dict[str, list[Cell]]
    rows: int


def excel_part(file: TableFile, request: ReadRequest) -> TextPart[_Sheet]:
    """A workbook of Excel 2007 or newer."""
    return TextPart(file, TextFormat(_prepare, _column_names, _parse), request)


def _prepare(content: bytes, name: str, reading: ReadOptions) -> tuple[_Sheet, list[str]]:
    _check_workbook(content, name)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            sheet, notes = _choose_sheet(workbook, name, reading.sheet)
            cells: list[list[Cell]] = workbook.get_sheet_by_name(sheet).to_python()
    except (CalamineError, OSError, ValueError):
        raise _damaged(name) from None
    label = f"{name}, sheet {sheet!r}"
    rows = _without_empty_begin(cells)
    if not rows:
        raise DataError(f"{label} is empty; name another sheet with --sheet")
    header = [spell_cell(cell).strip() for cell in rows[0]]
    below = rows if reading.header == "no" else rows[1:]
    by_column: list[list[Cell]] = [list(column) for column in zip(*below, strict=True)] or [[] for _ in header]
    texts = [[spell_cell(cell) for cell in column] for column in by_column]
    if reading.header == "auto":
        check_header(header, [column[:_SAMPLE_ROWS] for column in texts], label)
    names = numbered_names(len(header)) if reading.header == "no" else header
    as_arrow = {position: pa.chunked_array([pa.array(column, pa.string())]) for position, column in enumerate(texts)}
    cleaning = clean_rows(names, as_arrow, label)
    columns: dict[str, list[Cell]] = {}
    for position in cleaning.columns:
        column = by_column[position]
        if cleaning.rows is not None:
            column = [cell for cell, stays in zip(column, cleaning.rows, strict=True) if stays]
        if cleaning.names[position] in columns:
            raise DataError(f"{label} has the column {cleaning.names[position]!r} twice; rename one")
        columns[cleaning.names[position]] = column
    count = len(below) if cleaning.rows is None else int(cleaning.rows.sum())
    return _Sheet(columns, count), [*notes, *cleaning.notes]


def _column_names(sheet: _Sheet, name: str) -> list[str]:
    return list(sheet.columns)


def _parse(
    sheet: _Sheet, name: str, nulls: Sequence[str], kinds: Mapping[str, Kind], columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows. Columns in `kinds` that have cells of several types are text; `columns` limits the columns.

    Raises DataError naming a cell that is text in a column of numbers or dates.
    """
    wanted = [column for column in sheet.columns if columns is None or column in columns]
    return pa.table(
        {column: to_column(sheet.columns[column], column, name, nulls, as_text=column in kinds) for column in wanted}
    )


def _check_workbook(content: bytes, name: str) -> None:
    """Raise DataError for what is not a workbook, is encrypted, or is too large to be read."""
    if content.startswith(_OLD_FORMAT):
        raise DataError(f"{name} is encrypted, or a workbook of Excel 97; save it as .xlsx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            check_expansion(len(content), size, name)
            for entry in archive.namelist():
                if entry.startswith("xl/worksheets/"):
                    with archive.open(entry) as opened:
                        _check_dimension(opened.read(4096), name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
        raise _damaged(name) from None


def _check_dimension(begin: bytes, name: str) -> None:
    """Raise DataError when a sheet says that it has more cells than can be read: one stray cell far below is enough."""
    dimension = _DIMENSION.search(begin)
    if dimension is None:
        return
    width = 0
    for letter in dimension[1]:
        width = 26 * width + letter - ord("A") + 1
    if width * int(dimension[2]) > _MOST_CELLS:
        raise DataError(
            f"{name} has a sheet of {int(dimension[2]):,} rows and {width:,} columns; "
            "delete the empty rows and columns behind its table, or save the table as Parquet"
        )


def _choose_sheet(workbook: CalamineWorkbook, name: str, wanted: str | None) -> tuple[str, list[str]]:
    """The sheet of this name, else the first one, with a note when there are more."""
    sheets = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    listed = ", ".join(map(repr, sheets))
    if wanted is None:
        if not sheets:
            raise DataError(f"{name} has no sheet with cells")
        if len(sheets) == 1:
            return sheets[0], []
        return sheets[0], [f"the sheet {sheets[0]!r} is read; the workbook has {listed}; --sheet reads another"]
    if wanted not in sheets:
        raise DataError(f"{name} has no sheet {wanted!r}{did_you_mean(wanted, sheets)}; it has {listed}")
    return wanted, []


def _without_empty_begin(rows: list[list[Cell]]) -> list[list[Cell]]:
    first = next((number for number, row in enumerate(rows) if any(cell != "" for cell in row)), len(rows))
    return rows[first:]


def _damaged(name: str) -> DataError:
    return DataError(f"{name} is not an Excel workbook, or an incomplete one; save it again")
