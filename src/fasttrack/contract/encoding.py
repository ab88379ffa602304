"""Decoded cells → the float64 matrix that a model takes, and which cells of it are unlike the training data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fasttrack.contract.datetime_text import parse_datetime
from fasttrack.contract.datetimes import parse_datetimes
from fasttrack.contract.published import range_text
from fasttrack.contract.reading import Reading
from fasttrack.contract.refusal import Issues
from fasttrack.contract.schema import WORDED, Column, Contract

__all__ = ["MatrixEncoder", "unusual_message"]

_MANY = 100
"""From so many rows on, searching an array is faster than looking each of them up."""
_UNBOUNDED = ("boolean", "text")
"""Kinds whose values are never unlike the training data: no text is too long."""
_NARROW: dict[str, type[np.floating[Any]]] = {
    "float16": np.float16,
    "halffloat[pyarrow]": np.float16,
    "float32": np.float32,
    "Float32": np.float32,
    "float[pyarrow]": np.float32,
}


class MatrixEncoder:
    """Encodes decoded cells as the matrix, and knows which values the training data had."""

    def __init__(self, contract: Contract) -> None:
        columns = contract.columns
        self._columns = columns
        self.text = tuple(j for j, column in enumerate(columns) if column.kind in WORDED)
        self._codes = [_word_numbers(column) for column in columns]
        self._datetimes = frozenset(j for j, column in enumerate(columns) if column.kind == "datetime")
        self._notations = {
            j: _NotationReader(column)
            for j, column in enumerate(columns)
            if column.reading.number is not None
            or (column.kind in ("number", "integer") and column.reading.missing_numbers)
            or (column.kind == "datetime" and column.reading != Reading())
        }
        self._whole = np.array([j for j, column in enumerate(columns) if _is_whole(column)], dtype=np.intp)
        self._rounded = [(dtype, np.array(js)) for dtype, js in _narrow_columns(columns).items()]
        # Codes of known words lie in 0 … k − 1, so one comparison finds unseen words and out-of-range numbers alike.
        self._low = np.array([_lowest(column) for column in columns])
        self._high = np.array([_highest(column) for column in columns])
        self._known = {
            j: frozenset(map(float, column.categories))
            for j, column in enumerate(columns)
            if column.kind != "category" and column.categories is not None
        }

    def encode(self, values: Sequence[Sequence[Any]], n: int) -> NDArray[np.float64]:
        """float64[n, f] from one sequence of decoded cells a column; `None` is missing.

        Raises ValueError for text that is not a date and time, or not a number in the column's notation.
        """
        flat: list[Any] = []  # one array made of one list: for a single row, an array a column would cost more
        for j, cells in enumerate(values):
            flat.extend(self._scaled(j, cells))
        return self.narrow(np.ascontiguousarray(np.array(flat, dtype=np.float64).reshape(len(self._columns), n).T))

    def encode_column(self, j: int, cells: Sequence[Any]) -> NDArray[np.float64]:
        """float64[n]: the decoded cells of column `j`, not yet narrowed; `None` is missing.

        Raises ValueError for text that is not a date and time, OverflowError for a whole number past float64.
        """
        return np.array(self._scaled(j, cells), dtype=np.float64)

    def narrow(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, f] `matrix`, rounded in place to what the training dtypes hold."""
        for dtype, js in self._rounded:
            with np.errstate(over="ignore"):
                rounded = matrix[:, js].astype(dtype).astype(np.float64)
            matrix[:, js] = np.where(np.isinf(rounded), matrix[:, js], rounded)
        return matrix

    def words(self, j: int, cells: Sequence[str | None]) -> Sequence[str | None]:
        """The cells of the column `j` of words with `None` for each that is a missing value by another name."""
        codes = self._codes[j]
        if codes is None or not codes.nulls:
            return cells
        return [cell if codes[cell] == codes[cell] else None for cell in cells]

    def unfit_rows(self, matrix: NDArray[np.float64]) -> frozenset[int]:
        """The rows that need a closer look.

        In these an integer column holds a number with a fraction, or a required text column a missing value by another
        name.
        """
        if not len(self._whole):
            return frozenset()
        whole = matrix[:, self._whole]
        fractional = np.floor(whole) < whole
        return frozenset(np.flatnonzero(fractional.any(axis=1)).tolist()) if fractional.any() else frozenset()

    def unusual(self, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
        """bool[n, f]: unseen categories and numbers outside the training range."""
        unusual: NDArray[np.bool_] = (matrix < self._low) | (matrix > self._high)
        for j, known in self._known.items():
            if len(matrix) < _MANY:
                unusual[:, j] = [cell == cell and cell not in known for cell in matrix[:, j].tolist()]
            else:
                unusual[:, j] = ~np.isnan(matrix[:, j]) & ~np.isin(matrix[:, j], np.array(list(known)))
        return unusual

    def add_warnings(self, matrix: NDArray[np.float64], warnings: Issues) -> bool:
        """Add a warning for each unusual cell; returns whether there is one."""
        unusual = self.unusual(matrix)
        if not unusual.any():
            return False
        for j in np.flatnonzero(unusual.any(axis=0)).tolist():
            column = self._columns[j]
            warnings.add_rows(np.flatnonzero(unusual[:, j]).tolist(), column.name, unusual_message(column))
        return True

    def _scaled(self, j: int, cells: Sequence[Any]) -> Sequence[Any]:
        """The cells of column `j` on the matrix scale, as numbers or `None`."""
        codes = self._codes[j]
        if codes is not None:
            return [codes[cell] for cell in cells]
        reader = self._notations.get(j)
        if j in self._datetimes and (reader is None or reader.is_usually_iso):
            return self._seconds(reader, cells)
        return cells if reader is None else reader.read(cells)

    def _seconds(self, reader: _NotationReader | None, cells: Sequence[Any]) -> Sequence[Any]:
        """Seconds since 1970 UTC of a column's times, by `reader` where some are not ISO 8601 or mean missing."""
        if len(cells) >= _MANY:  # for few rows the arrays would cost more than they save
            try:
                return parse_datetimes(cells)
            except ValueError:
                if reader is None:
                    raise
        if reader is not None:
            return reader.read(cells)
        return [None if cell is None else parse_datetime(cell) for cell in cells]


def _word_numbers(column: Column) -> _Codes | _Lengths | None:
    """The number of each word of a column of words; `None` for another column."""
    if column.kind == "category":
        return _Codes(column)
    return _Lengths(column) if column.kind == "text" else None


class _Lengths:
    """The number of characters of a text, NaN for a missing value; by another name as in `_Codes`."""

    def __init__(self, column: Column) -> None:
        self.nulls = column.reading.missing_texts
        self._missing = math.nan if column.nullable else 0.5

    def __getitem__(self, text: str | None) -> float:
        if text is None:
            return math.nan
        return self._missing if self.nulls and text.strip() in self.nulls else float(len(text))


class _Codes(dict[str | None, float]):
    """The code of each word of a text column: NaN for a missing value, −1 for a word that was not in training.

    A missing value by another name, in a column that always has a value, is 0.5, which no category has.
    """

    def __init__(self, column: Column) -> None:
        super().__init__({label: float(code) for code, label in enumerate(column.categories or ())})  # type: ignore[misc]  # the labels of a text column are text
        self[None] = math.nan
        self.nulls = column.reading.missing_texts
        self._missing = math.nan if column.nullable else 0.5

    def __missing__(self, word: str | None) -> float:
        return self._missing if word is not None and word.strip() in self.nulls else -1.0


def _is_whole(column: Column) -> bool:
    """Whether only whole numbers are right in a column of the matrix; 0.5 then marks what is not."""
    return column.kind == "integer" or (
        column.kind in WORDED and not column.nullable and bool(column.reading.missing_texts)
    )


class _NotationReader:
    """Reads the cells of one column of numbers or times, of which some may be text or mean a missing value."""

    def __init__(self, column: Column) -> None:
        reading = column.reading
        self._is_time = column.kind == "datetime"
        self._parse = reading.parse_time if self._is_time else reading.parse_number
        self.is_usually_iso = reading.dates is None
        self._missing: frozenset[str | float] = reading.missing_texts | reading.missing_numbers
        self._required = not column.nullable

    def read(self, cells: Sequence[Any]) -> list[float | None]:
        """Numbers, or seconds since 1970 UTC; `None` is missing. Raises ValueError for other text."""
        values: list[float | None] = []
        for cell in cells:
            is_text = isinstance(cell, str)
            if (cell.strip() if is_text else cell) in self._missing:
                if self._required:
                    raise ValueError("missing")
                values.append(None)
            elif is_text:
                values.append(self._parse(cell.strip()))
            elif cell is None or not self._is_time:
                values.append(cell)
            else:
                values.append(self._parse(str(int(cell))))
        return values


def unusual_message(column: Column) -> str:
    """The warning for an unseen category, or for a number outside the training range."""
    if column.categories is not None:
        if column.kind == "category":
            return f"not among the {len(column.categories):,} categories of the training data"
        return f"not among the {len(column.categories):,} values that the model knows"
    bounds = range_text(column)
    return f"outside the training range {bounds}".rstrip()


def _lowest(column: Column) -> float:
    if column.kind == "category":
        return -math.inf if column.categories is None else 0.0
    return -math.inf if column.minimum is None or column.kind in _UNBOUNDED else column.minimum


def _highest(column: Column) -> float:
    return math.inf if column.maximum is None or column.kind in _UNBOUNDED else column.maximum


def _narrow_columns(columns: Sequence[Column]) -> Mapping[type[np.floating[Any]], list[int]]:
    """The columns whose training dtype holds fewer digits than float64, which is all that the pipeline ever sees."""
    by_dtype: dict[type[np.floating[Any]], list[int]] = {}
    for j, column in enumerate(columns):
        if column.dtype in _NARROW:
            by_dtype.setdefault(_NARROW[column.dtype], []).append(j)
    return by_dtype
