"""One column of a table → numbers on the contract's matrix scale, and which cells are none: the decoder's rules, on
whole columns at once.

What a cell is, its Arrow type says, as its JSON type does in a request; a text file has no types: there a cell is what
it spells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.cell import seconds, within_years
from fasttrack.contract.encoding import MatrixEncoder
from fasttrack.contract.moments import seconds_of
from fasttrack.contract.schema import Contract, Target
from fasttrack.data.kinds import spelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["CellReader", "Cells"]

_PLAIN_ISO = r"^\d{4}-\d\d-\d\d([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?$"
"""The ISO 8601 that Arrow and Python read alike."""


@dataclass(frozen=True, slots=True)
class Cells:
    """n cells of a column. `values`: float64[n], NaN where the cell is missing or refused; the others bool[n].

    `wrong`: not of the column's kind. `infinite`: past a 64-bit float. `odd`: unseen, or outside the training range.
    """

    values: Floats
    missing: Mask
    wrong: Mask
    infinite: Mask
    odd: Mask


class CellReader:
    """Reads the cells of one column, a batch at a time."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self.alone = Contract(columns=[column], target=Target(name="", task="regression"))
        """A contract of this column only."""
        self._encoder = MatrixEncoder(self.alone)
        self._words = pa.array(column.categories or [], pa.string()) if column.kind == "category" else None

    def read(self, cells: pa.ChunkedArray, *, written: bool = False) -> Cells:
        """The cells, of one of the plain types or another, which is refused. `written`: as a text file has them."""
        wrong = np.zeros(len(cells), dtype=bool)
        if written and pa.types.is_string(cells.type) and self.column.kind != "category":
            cells, wrong = spelled(cells, self.column.kind)
        missing = _mask(pc.is_null(cells, nan_is_null=True)) & ~wrong
        values, misfit = self._numbers(cells)
        wrong = wrong | (misfit & ~missing)
        infinite = np.isinf(values) & ~wrong
        values = np.where(missing | wrong | infinite, np.nan, values)
        if self.column.kind == "integer":
            broken = np.floor(values) < values
            wrong, values = wrong | broken, np.where(broken, np.nan, values)
        matrix = self._encoder.narrow(values.reshape(-1, 1))
        return Cells(matrix[:, 0], missing, wrong, infinite, self._encoder.unusual(matrix)[:, 0])

    def _numbers(self, cells: pa.ChunkedArray) -> tuple[Floats, Mask]:
        """float64[n], whatever stands where a cell is missing; and bool[n]: which are not of the column's kind."""
        kind, type_ = self.column.kind, cells.type
        good = np.zeros(len(cells), dtype=bool)
        if kind in ("number", "integer") and (pa.types.is_integer(type_) or pa.types.is_floating(type_)):
            return _floats(pc.cast(cells, pa.float64(), safe=False)), good
        if kind == "boolean" and pa.types.is_boolean(type_):
            return _floats(pc.cast(pc.cast(cells, pa.int8()), pa.float64())), good
        if self._words is not None and pa.types.is_string(type_):
            return _floats(pc.cast(pc.fill_null(pc.index_in(cells, value_set=self._words), -1), pa.float64())), good
        if kind == "datetime" and pa.types.is_timestamp(type_):
            return _moments(cells)
        if kind == "datetime" and pa.types.is_string(type_):
            return _iso_moments(cells)
        return np.full(len(cells), np.nan), ~good


def _moments(cells: pa.ChunkedArray) -> tuple[Floats, Mask]:
    missing = _mask(pc.is_null(cells))
    micros = pc.fill_null(pc.cast(cells, pa.int64()), 0).to_numpy()
    since = seconds_of(micros, missing)
    return since, ~within_years(since)


def _iso_moments(cells: pa.ChunkedArray) -> tuple[Floats, Mask]:
    """Text as the decoder takes it: Arrow reads the usual ISO 8601, Python what else there is, once a distinct text."""
    usual = pc.match_substring_regex(cells, _PLAIN_ISO)
    read, misfit = spelled(pc.if_else(usual, cells, pa.scalar(None, cells.type)), "datetime")
    since, beyond = _moments(read)
    misfit = misfit | beyond
    others = np.flatnonzero(_mask(pc.fill_null(pc.invert(usual), False)))
    if len(others):
        encoded = pc.dictionary_encode(cells.take(pa.array(others))).combine_chunks()
        found = np.array([_iso(text) for text in encoded.dictionary.to_pylist()])[encoded.indices.to_numpy()]
        since[others] = found
        misfit[others] = np.isnan(found)
    return since, misfit


def _iso(text: str) -> float:
    try:
        return seconds(text)
    except ValueError:
        return np.nan


def _floats(cells: pa.ChunkedArray) -> Floats:
    found: Floats = pc.fill_null(cells, np.nan).to_numpy()
    return found


def _mask(cells: pa.ChunkedArray) -> Mask:
    found: Mask = cells.to_numpy()
    return found
