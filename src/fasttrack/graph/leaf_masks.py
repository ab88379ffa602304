"""Trees without branches: of every tree the leaves that a row can still reach, as bits, for many rows at once.

After QuickScorer (Lucchese et al., SIGIR 2015): each column's cell has a mask of leaves for every tree, in which the
leaves are numbered from left to right; the lowest bit that all the columns' masks have in common is the row's leaf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Masks = NDArray[Any]
    Places = NDArray[np.intp]

__all__ = ["LeafMasks", "Lookup", "MaskedTrees"]

_CELLS = 51_200
"""Rows times trees at once: two arrays of masks, which stay in the second cache."""
_EXPONENTS = {8: (np.float32, np.int32, 23, 127), 64: (np.float64, np.int64, 52, 1023)}


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """A column's cells, and what each leaves of the leaves.

    A number's cell i ends at `bounds[i]` (float64, ascending, included), the last but one is beyond all of them, the
    last is NaN. A column of codes has `cells` instead (int32): those of NaN, −1, 0, 1, …
    """

    column: int
    bounds: bytes | None = None
    cells: bytes | None = None
    masks: bytes
    """One unsigned integer by cell and tree."""


class LeafMasks(msgspec.Struct, frozen=True, kw_only=True):
    """An ensemble; `values`: float64 by tree and leaf; trees from `ends[k − 1]` to `ends[k]` add up to output k."""

    bits: int
    """Of a mask: 8, 16, 32 or 64."""
    lookups: list[Lookup]
    values: bytes
    leaves: int
    ends: list[int]


class MaskedTrees:
    """An ensemble that is ready to be asked; threads may share it."""

    def __init__(self, ensemble: LeafMasks) -> None:
        trees = max(ensemble.ends)
        self._mask = np.dtype(f"<u{ensemble.bits // 8}")
        self._lookups = [(one.column, _finder(one), self._masks(one, trees)) for one in ensemble.lookups]
        self._values = np.frombuffer(ensemble.values, "<f8")
        self._float, self._word, self._shift, bias = _EXPONENTS[64 if ensemble.bits == 64 else 8]
        # a power of two is told by its exponent, and the exponent by its place in the float
        self._starts = (np.arange(trees, dtype=np.intp) * ensemble.leaves - bias)[:, None]
        self._spans = list(zip([0, *ensemble.ends], ensemble.ends, strict=False))
        self._apart = ensemble.ends == list(range(1, trees + 1))  # an output each

    def sums(self, x: Floats) -> Floats:
        """float64[n, k]: what the leaves of the rows of float64[n, f] `x` add up to, one tree after the other."""
        cells = [(cells_of(x[:, column]), masks) for column, cells_of, masks in self._lookups]
        trees = len(self._starts)
        found = np.empty((len(self._spans), len(x)))
        height = max(1, _CELLS // trees)
        room = np.empty((2, min(len(x), height), trees), self._mask)
        for start in range(0, len(x), height):
            rows = slice(start, min(start + height, len(x)))
            leaves = self._leaves(cells, rows, room[:, : rows.stop - start])
            exponents = leaves.astype(self._float).view(self._word) >> self._shift
            values = self._values.take(exponents.T + self._starts)
            if self._apart:
                found[:, rows] = values
                continue
            for output, (first, end) in zip(found, self._spans, strict=True):
                _add_up(values[first:end], output[rows])
        return np.ascontiguousarray(found.T)

    def _leaves(self, cells: list[tuple[Places, Masks]], rows: slice, room: Masks) -> Masks:
        """The bit of each row's leaf in each tree [rows, trees]."""
        left: Masks = room[0]
        more: Masks = room[1]
        (places, masks), *others = cells
        masks.take(places[rows], axis=0, out=left, mode="clip")
        for places, masks in others:
            masks.take(places[rows], axis=0, out=more, mode="clip")
            left &= more
        np.negative(left, out=more)
        np.bitwise_and(left, more, out=left)
        return left

    def _masks(self, lookup: Lookup, trees: int) -> Masks:
        return np.frombuffer(lookup.masks, self._mask).reshape(-1, trees)


def _add_up(values: Floats, out: Floats) -> None:
    """float64[n] `out`: float64[trees, n] `values` of the trees, one tree after the other."""
    if values.shape[1] == 1 and len(values):  # NumPy adds up a single column in another order
        out[0] = np.add.accumulate(values[:, 0])[-1]
    else:
        np.add.reduce(values, axis=0, out=out)


def _finder(lookup: Lookup) -> Callable[[Floats], Places]:
    """What finds the cells of a column's values."""
    if lookup.cells is not None:
        codes = np.frombuffer(lookup.cells, "<i4").astype(np.intp)
        return lambda values: codes.take(np.where(np.isnan(values), 0, values + 2).astype(np.intp), mode="clip")
    bounds = np.frombuffer(lookup.bounds or b"", "<f8")

    def among_bounds(values: Floats) -> Places:
        found = np.searchsorted(bounds, values)
        found[np.isnan(values)] = len(bounds) + 1
        return found

    return among_bounds
