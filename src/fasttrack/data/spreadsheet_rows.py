"""What spreadsheets export beside the table: row numbers, empty columns, empty rows, and rows of totals.

Each is left out only when its content leaves no doubt, and each gives a note, without any cell. The cells are text
here, as the file spells them, with "" for an empty one.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.numbers import infer_numbers
from fasttrack.data.header import is_unnamed, position_name
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["TOTAL_WORDS", "Cleaning", "clean_rows", "may_be_unnamed"]

TOTAL_WORDS = (
    "total",
    "totals",
    "grand total",
    "sum",
    "sums",
    "summe",
    "gesamt",
    "gesamtsumme",
    "insgesamt",
    "somme",
    "total général",
    "totale",
    "totaal",
    "suma",
    "soma",
    "summa",
    "razem",
    "yhteensä",
    "i alt",
    "итого",
)
_MOST_TOTAL_ROWS = 3
_UNNAMED = re.compile(r"Unnamed: \d+")
"""What pandas calls a column without a name when it reads and writes a file."""
_PANDAS_INDEX = "Unnamed: 0"
_MOST_DISTINCT = 100_000
"""With more distinct spellings only plain numbers are added up."""
_PRECISION = 1e-9
_MOST_ROUNDING = 1e-3
"""Of the total, so that small counts must add up exactly."""


@dataclass(frozen=True)
class Cleaning:
    """What is left of a table."""

    names: list[str]
    """A name for each column of the file, those that are left out included."""
    columns: list[int]
    """The positions of the columns that stay."""
    rows: NDArray[np.bool_] | None
    """For each row whether it stays; `None` when all do."""
    notes: list[str]


def may_be_unnamed(header: str) -> bool:
    """Whether a column has no name of its own, so that its cells decide whether it is one."""
    return is_unnamed(header) or _UNNAMED.fullmatch(header) is not None


def clean_rows(header: Sequence[str], cells: Mapping[int, pa.ChunkedArray], name: str) -> Cleaning:
    """Find what is not part of the table called `name`.

    `cells`: the columns by position: all of them, or at least those that `may_be_unnamed`; rows are looked at only when
    all columns are there. Raises DataError when the first row names fewer columns than it leaves without a name.
    """
    notes: list[str] = []
    trimmed = {position: pc.utf8_trim_whitespace(column) for position, column in cells.items()}
    rows = None
    if len(trimmed) == len(header) > 1:
        rows = _rows_to_keep([trimmed[position] for position in range(len(header))], notes)
    kept = {
        position: column if rows is None else column.filter(pa.array(rows))
        for position, column in trimmed.items()
        if may_be_unnamed(header[position])
    }
    left_out: list[int] = []
    if 0 in kept and (is_unnamed(header[0]) or header[0] == _PANDAS_INDEX) and _numbers_rows(kept[0]):
        left_out.append(0)
        notes.append("the first column has no name and numbers the rows, so it is left out")
    empty = [position for position, column in kept.items() if position not in left_out and _is_empty(column)]
    if empty and len(empty) + len(left_out) < len(header):
        left_out += empty
        positions = _listed([position + 1 for position in empty])
        notes.append(
            f"columns {positions} have no name and no value, so they are left out"
            if len(empty) > 1
            else f"column {positions} has no name and no value, so it is left out"
        )
    names = [position_name(position) if is_unnamed(cell) else cell for position, cell in enumerate(header)]
    numbered = [position for position in kept if is_unnamed(header[position]) and position not in left_out]
    if len(numbered) > max(1, len(header) - len(numbered) - len(left_out)):
        raise DataError(
            f"{name}: its first row names {len(header) - len(numbered) - len(left_out)} of {len(header)} columns; "
            "remove what is above the header, or pass --header no if there is none"
        )
    notes += [f"column {position + 1} has no name and is called {names[position]!r}" for position in numbered]
    return Cleaning(names, [i for i in range(len(header)) if i not in left_out], rows, notes)


def _listed(positions: Sequence[int]) -> str:
    *others, last = map(str, positions)
    return f"{', '.join(others)} and {last}" if others else last


def _is_empty(column: pa.ChunkedArray) -> bool:
    return not pc.any(pc.greater(pc.binary_length(column), 0)).as_py()


def _numbers_rows(column: pa.ChunkedArray) -> bool:
    """Whether the cells are 0, 1, 2, … or 1, 2, 3, … of at least two rows."""
    rows = len(column)
    if rows < 2 or column[0].as_py() not in ("0", "1"):
        return False
    try:
        numbers = pc.cast(column, pa.int64()).to_numpy()
    except pa.ArrowException:
        return False
    return bool(np.array_equal(numbers, np.arange(numbers[0], numbers[0] + rows)))


def _rows_to_keep(columns: Sequence[pa.ChunkedArray], notes: list[str]) -> NDArray[np.bool_] | None:
    is_filled = np.zeros(len(columns[0]), dtype=bool)
    for column in columns:
        is_filled |= pc.greater(pc.binary_length(column), 0).to_numpy()
        if is_filled.all():
            break
    empty = len(is_filled) - int(is_filled.sum())
    if empty:
        notes.append(f"{empty:,} empty row{'s' * (empty > 1)} left out")
    keep = is_filled.copy()
    totals = _total_rows(columns, np.flatnonzero(is_filled))
    if totals:
        keep[totals] = False
        notes.append(f"{len(totals)} row{'s' * (len(totals) > 1)} of totals at the end left out")
    return None if keep.all() else keep


def _total_rows(columns: Sequence[pa.ChunkedArray], filled: NDArray[np.int64]) -> list[int]:
    """The last rows that begin with such a word, have no other text, and add up a column of the rows above."""
    candidates: list[int] = []
    for row in reversed(filled[-_MOST_TOTAL_ROWS:].tolist()):
        first = next(text for column in columns if (text := column[row].as_py()))
        if first.rstrip(":").strip().lower() not in TOTAL_WORDS:
            break
        candidates.append(row)
    above = filled[: len(filled) - len(candidates)]
    if not candidates or len(above) < 2:
        return []
    # one that is no sum is data, and so are those above it
    return list(takewhile(lambda row: _adds_up(columns, row, above), candidates))


def _adds_up(columns: Sequence[pa.ChunkedArray], row: int, above: NDArray[np.int64]) -> bool:
    label = next(position for position, column in enumerate(columns) if column[row].as_py())
    is_sum = False
    for column in columns[label + 1 :]:
        cell = column[row].as_py()
        if not cell:
            continue
        numbers = _numbers(column.take(pa.array(above)), cell)
        if numbers is None:
            return False
        values, value, decimals = numbers
        total = float(np.sum(values))
        # all may be rounded for display: the sum was made of the cells before that
        unit = 10.0**-decimals
        rounding = max(unit / 2, min(unit * len(values) ** 0.5, _MOST_ROUNDING * abs(total)))
        is_sum |= len(values) >= 2 and abs(total - value) <= rounding + _PRECISION * abs(total)
    return is_sum


def _numbers(column: pa.ChunkedArray, cell: str) -> tuple[NDArray[np.float64], float, int] | None:
    """The numbers in a column, that of one more cell, and the decimals of the cell; `None` if not all are numbers."""
    texts = column.filter(pc.greater(pc.binary_length(column), 0))
    try:
        values = pc.cast(texts, pa.float64()).to_numpy()
        return values, float(cell), len(cell.partition(".")[2])
    except (pa.ArrowException, ValueError):
        pass
    counts = Counter(texts.to_pylist())
    inferred = infer_numbers(counts) if len(counts) <= _MOST_DISTINCT else None
    notation = inferred.notation if inferred is not None and not inferred.words else None
    if notation is None:
        return None
    try:
        return np.array([notation.parse(text) for text in texts.to_pylist()]), notation.parse(cell), 0
    except ValueError:
        return None
