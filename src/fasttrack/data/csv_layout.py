"""How a CSV file is laid out: delimiter, header, and which of its columns and rows are the table."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

from fasttrack.data.csv_cells import check_quotes, first_cells, read_cells
from fasttrack.data.delimiter import find_delimiter, join_by_tabs, splits_at_whitespace, take_delimiter_line
from fasttrack.data.header import check_header, numbered_names
from fasttrack.data.spreadsheet_rows import TOTAL_WORDS, clean_rows, may_be_unnamed
from fasttrack.data.text_encoding import decode_text
from fasttrack.reading import WHITESPACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.reading import ReadOptions

__all__ = ["CsvLayout", "find_layout"]

_LOOSE_ENDINGS = (".data", ".txt")
"""Files of these may be cut at whitespace; in a .csv two words are one cell."""
_SAMPLE_BYTES = 100_000
_SAMPLE_ROWS = 200
_TAIL_BYTES = 10_000
_TOTAL_LINE = re.compile(rf"[^\w]*(?:{'|'.join(map(re.escape, TOTAL_WORDS))})\b", re.IGNORECASE)


@dataclass(frozen=True)
class CsvLayout:
    """The text of a CSV file, and what of it is the table."""

    content: bytes
    """UTF-8, with a line break at its end."""
    delimiter: str
    has_header: bool
    names: list[str]
    """Of all columns of the file."""
    columns: list[str]
    """Those that are part of the table, in their order."""
    rows: NDArray[np.bool_] | None = None
    """For each row whether it is part of the table; `None` when all are."""


def find_layout(content: bytes, name: str, ending: str, reading: ReadOptions) -> tuple[CsvLayout, list[str]]:
    """The layout of a CSV file, and notes on what was not plain. Raises DataError saying what is wrong with it."""
    content, notes = decode_text(content, name, reading.encoding)
    content, named_delimiter = take_delimiter_line(content)
    content = _end_with_line_break(content.lstrip(b"\r\n"))
    delimiter = reading.separator or named_delimiter
    if delimiter is None and ending in _LOOSE_ENDINGS and splits_at_whitespace(content):
        delimiter = WHITESPACE
    if delimiter == WHITESPACE:
        content, delimiter = join_by_tabs(content), "\t"
    delimiter = delimiter or find_delimiter(content)
    content = _without_empty_lines(content, delimiter)
    check_quotes(content, delimiter, name)
    header = first_cells(content, delimiter, name)
    if reading.header == "auto":
        check_header(header, _sample(content, delimiter, len(header)), name)
    has_header = reading.header != "no"
    names = header if has_header else numbered_names(len(header))
    layout = CsvLayout(content, delimiter, has_header, names, names)
    cells = _suspicious_cells(layout, name)
    if not cells:
        return layout, notes
    cleaning = clean_rows(names, cells, name)
    kept = [cleaning.names[position] for position in cleaning.columns]
    layout = CsvLayout(content, delimiter, has_header, cleaning.names, kept, cleaning.rows)
    return layout, [*notes, *cleaning.notes]


def _end_with_line_break(content: bytes) -> bytes:
    # Arrow finds no header in a single line without a line break
    return content if content.endswith((b"\n", b"\r")) else content + b"\n"


def _without_empty_lines(content: bytes, delimiter: str) -> bytes:
    """`content` without lines above the header that have only delimiters."""
    empty = re.match(rb'(?:(?:""|[ \t]|%s)*\r?\n)+' % re.escape(delimiter.encode()), content)
    return content[empty.end() :] if empty and empty.end() < len(content) else content


def _sample(content: bytes, delimiter: str, columns: int) -> list[list[str]]:
    """The first cells below the header, by column; empty lists where the start of the file cannot be read by itself."""
    start = content[:_SAMPLE_BYTES]
    if len(start) < len(content):
        start = start[: max(start.rfind(b"\n"), start.rfind(b"\r")) + 1]
    read = pcsv.ReadOptions(column_names=numbered_names(columns), skip_rows_after_names=1, use_threads=False)
    parse = pcsv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda row: "skip")
    convert = pcsv.ConvertOptions(column_types=dict.fromkeys(numbered_names(columns), pa.string()))
    with suppress(pa.ArrowException):
        table = pcsv.read_csv(pa.BufferReader(start), read, parse, convert).slice(0, _SAMPLE_ROWS)
        return [column.to_pylist() for column in table.columns]
    return [[] for _ in range(columns)]


def _suspicious_cells(layout: CsvLayout, name: str) -> dict[int, pa.ChunkedArray]:
    """The columns whose cells decide what is part of the table, by position; none in an ordinary file.

    A look at the header, at rows that begin with an empty cell, and at the last lines tells which are needed.
    """
    columns = list(range(len(layout.names)))
    if not (_may_have_empty_rows(layout) or _may_end_with_totals(layout)):
        columns = [position for position in columns if layout.has_header and may_be_unnamed(layout.names[position])]
        if not columns:
            return {}
    numbered = numbered_names(len(layout.names))
    wanted = [numbered[position] for position in columns]
    convert = pcsv.ConvertOptions(column_types=dict.fromkeys(numbered, pa.string()), include_columns=wanted)
    table = read_cells(layout.content, layout.delimiter, numbered, layout.has_header, name, convert)
    return dict(zip(columns, table.columns, strict=True))


def _may_have_empty_rows(layout: CsvLayout) -> bool:
    """Whether a line has only delimiters, spaces and empty quotes; in a quoted cell it may be text."""
    if len(layout.names) < 2:
        return False
    delimiter = layout.delimiter.encode()
    content = np.frombuffer(layout.content, np.uint8)
    # two bytes at the start of each line rule out nearly all lines, far faster than a regular expression
    line_end = b"\n" if b"\n" in layout.content else b"\r"
    starts = np.flatnonzero(content[:-1] == ord(line_end)) + 1
    for offset in (0, 1):
        starts = starts[np.isin(content[np.minimum(starts + offset, len(content) - 1)], list(delimiter + b' \t"\r\n'))]
    empty = rb'(?:""|[ \t])*'
    separator = re.escape(delimiter)
    row = re.compile(rb"%s(?:%s%s){%d}[\r\n]" % (empty, separator, empty, len(layout.names) - 1))
    return any(row.match(layout.content, start) for start in starts.tolist())


def _may_end_with_totals(layout: CsvLayout) -> bool:
    tail = layout.content[-_TAIL_BYTES:].decode("utf-8", "ignore")
    return any(_TOTAL_LINE.match(line) for line in re.split(r"[\r\n]+", tail)[-4:])
