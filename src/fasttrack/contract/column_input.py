"""One column of any origin → its cells on the matrix scale, whole columns at once, with every refused cell named.

A cell that is not plainly right is handed to `cell.check`, as a cell of a JSON request is, so that the same cell gets
the same answer whichever way it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.arrays import ColumnArray, json_cell
from fasttrack.contract.cell import check
from fasttrack.contract.datetime_text import within_years
from fasttrack.contract.datetimes import micros_to_seconds
from fasttrack.contract.schema import WORDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.encoding import MatrixEncoder
    from fasttrack.contract.refusal import Issues
    from fasttrack.contract.schema import Column

    Floats = NDArray[np.float64]
    Words = Sequence[str | None]

__all__ = ["decode_column"]

_PLAIN: dict[str, frozenset[type]] = {
    "number": frozenset((float, int, type(None))),
    "integer": frozenset((float, int, type(None))),
    "boolean": frozenset((bool, type(None))),
    "category": frozenset((str, type(None))),
    "datetime": frozenset((str, type(None))),
    "text": frozenset((str, type(None))),
}
"""By kind of column, the types of the JSON values that it takes."""
_DTYPES = {"number": "fiu", "integer": "fiu", "boolean": "b", "category": "", "datetime": "M", "text": ""}
"""By kind of column, the kinds of the NumPy dtypes that it takes."""
_FIRST, _LAST = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")


def decode_column(
    j: int, column: Column, cells: ColumnArray, encoder: MatrixEncoder, issues: Issues
) -> tuple[Floats, Words]:
    """float64[n], the cells of column `j` on the matrix scale, NaN where missing; and the words of a text column.

    Each cell that cannot be scored is added to `issues`; its place in the array then means nothing.
    """
    decoded = _typed(j, column, cells, encoder)
    if decoded is None:
        values = [check(issues, row, column, cells.cell(row), present=True) for row in range(len(cells))]
        if issues.total:
            return np.full(len(cells), np.nan), ()
        return encoder.encode_column(j, values), values if column.kind in WORDED else ()
    doubtful = np.isinf(decoded[0])
    if not column.nullable:
        doubtful |= np.isnan(decoded[0])
    if column.kind in ("integer", *WORDED):  # a word for a missing value has no whole code
        doubtful |= np.floor(decoded[0]) < decoded[0]
    for row in np.flatnonzero(doubtful).tolist():
        check(issues, row, column, cells.cell(row), present=True)
    return decoded


def _typed(j: int, column: Column, cells: ColumnArray, encoder: MatrixEncoder) -> tuple[Floats, Words] | None:
    """As `decode_column`, of cells that all have the right type, infinite where one is out of bounds; else `None`."""
    if cells.indices is not None:
        return _dictionary_encoded(j, column, cells.values, cells.indices, encoder)
    values = cells.values
    if values.dtype == object:
        return _objects(j, column, cells, encoder)
    if column.reading.takes_compact_dates(0) and values.dtype.kind in "iu":
        return _objects(j, column, ColumnArray(values.astype(object), cells.missing), encoder)
    if values.dtype.kind not in _DTYPES[column.kind]:
        return None
    if column.kind == "datetime":
        decoded = _moments(values)
    else:
        with np.errstate(over="ignore"):  # a longer float may be infinite as a float64, which is refused
            decoded = values.astype(np.float64)
        if column.reading.missing_numbers and column.kind != "boolean":
            decoded[np.isin(decoded, list(column.reading.missing_numbers))] = np.nan
    if cells.missing is not None:
        decoded[cells.missing] = np.nan
    return decoded, ()


def _dictionary_encoded(
    j: int, column: Column, distinct: NDArray[Any], indices: NDArray[np.integer[Any]], encoder: MatrixEncoder
) -> tuple[Floats, Words] | None:
    decoded = _typed(j, column, ColumnArray(distinct), encoder)
    if decoded is None:
        return None
    # index −1, a missing cell, is the last
    values = np.append(decoded[0], np.nan)[indices]
    if column.kind not in WORDED:
        return values, ()
    words = np.empty(len(distinct) + 1, dtype=object)
    words[:-1] = decoded[1]
    return values, words[indices].tolist()


def _objects(j: int, column: Column, cells: ColumnArray, encoder: MatrixEncoder) -> tuple[Floats, Words] | None:
    values = cells.values.tolist()
    if cells.missing is not None:
        values = [None if missing else value for value, missing in zip(values, cells.missing.tolist(), strict=True)]
    plain = _PLAIN[column.kind]
    if column.reading.number is not None:
        plain |= {str}
    if column.reading.takes_compact_dates(0):
        plain |= {int}
    if not plain.issuperset(map(type, values)):
        values = [json_cell(value) for value in values]
        if not plain.issuperset(map(type, values)):
            return None
    try:
        return encoder.encode_column(j, values), encoder.words(j, values) if column.kind in WORDED else ()
    except (ValueError, OverflowError):  # text that is not a date and time, a whole number past float64
        return None


def _moments(values: NDArray[Any]) -> Floats:
    """Seconds since 1970 UTC of datetime64[n]; infinite outside the years 1 to 9999."""
    missing = np.isnat(values)
    days = values.astype("datetime64[D]")  # first, because microseconds overflow far from 1970
    outside = ~missing & ((days < _FIRST) | (days > _LAST))
    micros = np.where(missing | outside, np.datetime64(0, "us"), values).astype("datetime64[us]").astype(np.int64)
    since = micros_to_seconds(micros, missing)
    since[outside | ~within_years(since)] = np.inf
    since[missing] = np.nan
    return since
