"""The cells of one column as numbers on the scale of the contract's matrix: the decoder's rules, a column at a time.

The Arrow type says what a cell is, as the JSON type does in a request. A text file has no types: there, a cell is what
its text spells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.datetime_text import parse_datetime, within_years
from fasttrack.contract.datetimes import micros_to_seconds
from fasttrack.contract.encoding import MatrixEncoder
from fasttrack.contract.reading import cell_reading
from fasttrack.contract.schema import WORDED, Contract, Target
from fasttrack.data.column_kinds import missing_texts, parse_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["CellReader", "Cells"]

_COMMON_ISO = r"^\d{4}-\d\d-\d\d([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?$"
"""The ISO 8601 that Arrow and Python read alike."""


@dataclass(frozen=True, slots=True)
class Cells:
    """n cells of a column. `values` is float64[n], NaN for a missing or refused cell; the others are bool[n]."""

    values: Floats
    missing: Mask
    wrong: Mask
    """Not of the column's kind."""
    infinite: Mask
    """Too large for a 64-bit float."""
    odd: Mask
    """An unseen category, or a number outside the training range."""


class CellReader:
    """Reads the cells of one column, a batch at a time."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self.contract = Contract(columns=[column], target=Target(name="", task="regression"))
        """A contract of this column only."""
        self._encoder = MatrixEncoder(self.contract)
        self._categories = pa.array(column.categories or [], pa.string()) if column.kind == "category" else None

    def read(self, cells: pa.ChunkedArray, *, untyped: bool = False) -> Cells:
        """The cells, whatever their type; `untyped`: text cells are what they spell."""
        wrong = np.zeros(len(cells), dtype=bool)
        kind, reading = self.column.kind, self.column.reading
        if untyped:
            reading = cell_reading(kind, reading)
        if reading.takes_compact_dates(0) and pa.types.is_integer(cells.type):
            cells = pc.cast(cells, pa.string())
        if pa.types.is_string(cells.type):
            has_notation = reading.number is not None or reading.dates is not None
            if kind not in WORDED and (untyped or has_notation):
                cells, wrong = parse_cells(cells, kind, reading)
            elif reading.missing_texts:
                cells = pc.if_else(missing_texts(cells, reading), pa.scalar(None, cells.type), cells)
        missing = _mask(pc.is_null(cells, nan_is_null=True)) & ~wrong
        values, other_kind = self._numbers(cells)
        wrong = wrong | (other_kind & ~missing)
        if reading.missing_numbers and kind in ("number", "integer"):
            missing = missing | (np.isin(values, list(reading.missing_numbers)) & ~wrong)
        infinite = np.isinf(values) & ~wrong
        values = np.where(missing | wrong | infinite, np.nan, values)
        if self.column.kind == "integer":
            fractional = np.floor(values) < values
            wrong, values = wrong | fractional, np.where(fractional, np.nan, values)
        matrix = self._encoder.narrow(values.reshape(-1, 1))
        return Cells(matrix[:, 0], missing, wrong, infinite, self._encoder.unusual(matrix)[:, 0])

    def _numbers(self, cells: pa.ChunkedArray) -> tuple[Floats, Mask]:
        """float64[n], with any value for a missing cell; and bool[n]: which cells are not of the column's kind."""
        kind, type_ = self.column.kind, cells.type
        nowhere = np.zeros(len(cells), dtype=bool)
        if kind in ("number", "integer") and (pa.types.is_integer(type_) or pa.types.is_floating(type_)):
            return _floats(pc.cast(cells, pa.float64(), safe=False)), nowhere
        if kind == "boolean" and pa.types.is_boolean(type_):
            return _floats(pc.cast(pc.cast(cells, pa.int8()), pa.float64())), nowhere
        if self._categories is not None and pa.types.is_string(type_):
            codes = pc.fill_null(pc.index_in(cells, value_set=self._categories), -1)
            return _floats(pc.cast(codes, pa.float64())), nowhere
        if kind == "text" and pa.types.is_string(type_):
            return _floats(pc.cast(pc.utf8_length(cells), pa.float64())), nowhere
        if kind == "datetime" and pa.types.is_timestamp(type_):
            return _timestamp_seconds(cells)
        if kind == "datetime" and pa.types.is_string(type_):
            return _text_seconds(cells)
        return np.full(len(cells), np.nan), ~nowhere


def _timestamp_seconds(cells: pa.ChunkedArray) -> tuple[Floats, Mask]:
    missing = _mask(pc.is_null(cells))
    micros = pc.fill_null(pc.cast(cells, pa.int64()), 0).to_numpy()
    since_1970 = micros_to_seconds(micros, missing)
    return since_1970, ~within_years(since_1970)


def _text_seconds(cells: pa.ChunkedArray) -> tuple[Floats, Mask]:
    """Text as the decoder takes it: Arrow parses common ISO 8601, Python the rest, once for each distinct text."""
    is_common = pc.match_substring_regex(cells, _COMMON_ISO)
    times, wrong = parse_cells(pc.if_else(is_common, cells, pa.scalar(None, cells.type)), "datetime")
    since_1970, outside = _timestamp_seconds(times)
    wrong = wrong | outside
    others = np.flatnonzero(_mask(pc.fill_null(pc.invert(is_common), False)))
    if len(others):
        encoded = pc.dictionary_encode(cells.take(pa.array(others))).combine_chunks()
        values = np.array([_parse_seconds(text) for text in encoded.dictionary.to_pylist()])[encoded.indices.to_numpy()]
        since_1970[others] = values
        wrong[others] = np.isnan(values)
    return since_1970, wrong


def _parse_seconds(text: str) -> float:
    try:
        return parse_datetime(text)
    except ValueError:
        return np.nan


def _floats(cells: pa.ChunkedArray) -> Floats:
    values: Floats = pc.fill_null(cells, np.nan).to_numpy()
    return values


def _mask(cells: pa.ChunkedArray) -> Mask:
    mask: Mask = cells.to_numpy()
    return mask
