"""Decoded cells → the float64 matrix, and what is out of the ordinary in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fasttrack.contract.cell import iso, seconds
from fasttrack.contract.moments import seconds_of_all
from fasttrack.contract.refusal import Findings
from fasttrack.contract.schema import Column, Contract

__all__ = ["MatrixFiller", "oddity"]

_MANY = 100
"""From so many rows on, an array of them is sooner searched than a set is asked."""
_NARROW: dict[str, type[np.floating[Any]]] = {
    "float16": np.float16,
    "halffloat[pyarrow]": np.float16,
    "float32": np.float32,
    "Float32": np.float32,
    "float[pyarrow]": np.float32,
}


class MatrixFiller:
    """Turns decoded cells into the matrix, and knows what is ordinary in it."""

    def __init__(self, contract: Contract) -> None:
        columns = contract.columns
        self._columns = columns
        self.text = tuple(j for j, column in enumerate(columns) if column.kind == "category")
        self._codes: list[dict[Any, float] | None] = [
            {label: float(code) for code, label in enumerate(column.categories or ())} | {None: math.nan}
            if column.kind == "category"
            else None
            for column in columns
        ]
        self._datetimes = frozenset(j for j, column in enumerate(columns) if column.kind == "datetime")
        self._integers = np.array([j for j, column in enumerate(columns) if column.kind == "integer"], dtype=np.intp)
        self._rounded = [(dtype, np.array(js)) for dtype, js in _narrow(columns).items()]
        # Codes of known words lie in 0 … k − 1, so that one comparison finds unseen words as well as odd numbers.
        self._low = np.array([_lowest(column) for column in columns])
        self._high = np.array([_highest(column) for column in columns])
        self._known = {
            j: frozenset(map(float, column.categories))
            for j, column in enumerate(columns)
            if column.kind != "category" and column.categories is not None
        }

    def fill(self, values: Sequence[Sequence[Any]], n: int) -> NDArray[np.float64]:
        """float64[n, f] from one sequence of decoded cells a column; `None` is missing.

        Raises ValueError for text that is no date and time.
        """
        flat: list[Any] = []  # one array made of one list: for a single row, an array a column would cost more
        for j, cells in enumerate(values):
            codes = self._codes[j]
            if codes is not None:
                flat.extend([codes.get(cell, -1.0) for cell in cells])
            elif j in self._datetimes:
                # for few rows the arrays would cost more than they save
                few = n < _MANY
                flat.extend(
                    [None if cell is None else seconds(cell) for cell in cells] if few else seconds_of_all(cells)
                )
            else:
                flat.extend(cells)
        return self.narrowed(np.ascontiguousarray(np.array(flat, dtype=np.float64).reshape(len(self._columns), n).T))

    def narrowed(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, f] `matrix`, rounded in place to what the training dtypes hold."""
        for dtype, js in self._rounded:
            with np.errstate(over="ignore"):
                narrow = matrix[:, js].astype(dtype).astype(np.float64)
            matrix[:, js] = np.where(np.isinf(narrow), matrix[:, js], narrow)
        return matrix

    def fractions(self, matrix: NDArray[np.float64]) -> frozenset[int]:
        """The rows in which an integer column holds a number that is not whole."""
        if not len(self._integers):
            return frozenset()
        whole = matrix[:, self._integers]
        broken = np.floor(whole) < whole
        return frozenset(np.flatnonzero(broken.any(axis=1)).tolist()) if broken.any() else frozenset()

    def odd(self, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
        """bool[n, f]: unseen categories and out-of-range numbers."""
        odd: NDArray[np.bool_] = (matrix < self._low) | (matrix > self._high)
        for j, known in self._known.items():
            if len(matrix) < _MANY:
                odd[:, j] = [cell == cell and cell not in known for cell in matrix[:, j].tolist()]
            else:
                odd[:, j] = ~np.isnan(matrix[:, j]) & ~np.isin(matrix[:, j], np.array(list(known)))
        return odd

    def note(self, matrix: NDArray[np.float64], noted: Findings) -> bool:
        """Name unseen categories and out-of-range numbers; whether there are any."""
        odd = self.odd(matrix)
        if not odd.any():
            return False
        for j in np.flatnonzero(odd.any(axis=0)).tolist():
            column = self._columns[j]
            noted.add_rows(np.flatnonzero(odd[:, j]).tolist(), column.name, oddity(column))
        return True


def _lowest(column: Column) -> float:
    if column.kind == "category":
        return -math.inf if column.categories is None else 0.0
    return -math.inf if column.minimum is None or column.kind == "boolean" else column.minimum


def _highest(column: Column) -> float:
    return math.inf if column.maximum is None or column.kind == "boolean" else column.maximum


def _narrow(columns: Sequence[Column]) -> dict[type[np.floating[Any]], list[int]]:
    """The columns whose training dtype holds fewer digits than float64: the pipeline never sees more than those."""
    found: dict[type[np.floating[Any]], list[int]] = {}
    for j, column in enumerate(columns):
        if column.dtype in _NARROW:
            found.setdefault(_NARROW[column.dtype], []).append(j)
    return found


def oddity(column: Column) -> str:
    """What is wrong with an unseen category, or a number outside the training range."""
    if column.categories is not None:
        if column.kind == "category":
            return f"not among the {len(column.categories):,} categories of the training data"
        return f"not among the {len(column.categories):,} values that the model knows"
    low, high = column.minimum or 0.0, column.maximum or 0.0
    shown = f"{iso(low)} to {iso(high)}" if column.kind == "datetime" else f"{low:g} to {high:g}"
    return f"outside the training range {shown}"
