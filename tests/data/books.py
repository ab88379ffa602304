"""Workbooks that tests of Excel files read."""

from __future__ import annotations

import datetime
import io
from typing import TYPE_CHECKING, Any

import xlsxwriter

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["workbook"]

FORMATS = {
    datetime.datetime: "dd.mm.yyyy hh:mm",
    datetime.date: "dd.mm.yyyy",
    datetime.time: "hh:mm",
    datetime.timedelta: "[h]:mm",
}


def workbook(*, sheets: dict[str, Sequence[Sequence[Any]]], chart: str = "") -> bytes:
    """A workbook with these sheets of rows; a cell that begins with `=` is a formula that has an error."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        formats = {kind: book.add_format({"num_format": shown}) for kind, shown in FORMATS.items()}
        if chart:
            book.add_chartsheet(chart)
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, str) and cell.startswith("="):
                        sheet.write_formula(row, column, cell, value="#DIV/0!")
                    elif cell is not None:
                        sheet.write(row, column, cell, formats.get(type(cell)))
    return content.getvalue()
