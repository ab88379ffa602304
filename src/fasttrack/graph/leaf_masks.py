"""Evaluating tree ensembles on many rows without branches: each tree's reachable leaves are the bits of a mask.

After QuickScorer (Lucchese et al., SIGIR 2015). A tree's leaves are numbered from left to right. Each value of a column
gives one mask per tree: the leaves that are still reachable with that value. The lowest bit set in the masks of all
columns is the leaf that the row reaches.
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
    CellIndices = NDArray[np.intp]

__all__ = ["ColumnMasks", "LeafMasks", "MaskedTrees"]

_CHUNK_MASKS = 51_200
"""Rows times trees that are evaluated at once: both arrays of masks then fit in the second-level cache."""
_FLOAT_LAYOUTS = {8: (np.float32, np.int32, 23, 127), 64: (np.float64, np.int64, 52, 1023)}
"""By mask width: a float type that holds each single bit exactly, its integer type, its exponent's shift and bias."""


class ColumnMasks(msgspec.Struct, frozen=True, kw_only=True):
    """The cells that a column's values fall into, and one leaf mask for each cell and tree.

    A column of numbers has `bounds`, float64 and ascending: cell i ends at `bounds[i]`, inclusive. The last cell but
    one holds the numbers above all bounds; the last cell is for NaN.

    A column of codes has `cells` instead, int32: the cell numbers of NaN, −1, 0, 1, …
    """

    column: int
    bounds: bytes | None = None
    cells: bytes | None = None
    masks: bytes
    """One unsigned integer for each cell and tree."""


class LeafMasks(msgspec.Struct, frozen=True, kw_only=True):
    """A tree ensemble. The trees from `ends[k − 1]` to `ends[k]` add up to output k."""

    bits: int
    """Width of a mask: 8, 16, 32 or 64."""
    lookups: list[ColumnMasks]
    values: bytes
    """float64 for each tree and leaf."""
    leaves: int
    """Leaves of the largest tree, which is the row length of `values`."""
    ends: list[int]


class MaskedTrees:
    """LeafMasks, decoded for evaluation. Threads may share an object."""

    def __init__(self, ensemble: LeafMasks) -> None:
        trees = max(ensemble.ends)
        self._mask_dtype = np.dtype(f"<u{ensemble.bits // 8}")
        self._lookups = [
            (lookup.column, _cell_finder(lookup), self._decode_masks(lookup, trees)) for lookup in ensemble.lookups
        ]
        self._values = np.frombuffer(ensemble.values, "<f8")
        self._float, self._integer, self._shift, bias = _FLOAT_LAYOUTS[64 if ensemble.bits == 64 else 8]
        # a mask with a single bit is a power of two: as a float, its exponent is the number of the bit
        self._starts = (np.arange(trees, dtype=np.intp) * ensemble.leaves - bias)[:, None]
        self._spans = list(zip([0, *ensemble.ends], ensemble.ends, strict=False))
        self._one_tree_per_output = ensemble.ends == list(range(1, trees + 1))

    def sums(self, x: Floats) -> Floats:
        """float64[n, k]: for each row of `x`, float64[n, f], the sums of the leaf values, added tree by tree."""
        cells = [(find_cells(x[:, column]), masks) for column, find_cells, masks in self._lookups]
        trees = len(self._starts)
        sums = np.empty((len(self._spans), len(x)))
        height = max(1, _CHUNK_MASKS // trees)
        buffers = np.empty((2, min(len(x), height), trees), self._mask_dtype)
        for start in range(0, len(x), height):
            rows = slice(start, min(start + height, len(x)))
            leaf_bits = self._leaf_bits(cells, rows, buffers[:, : rows.stop - start])
            exponents = leaf_bits.astype(self._float).view(self._integer) >> self._shift
            values = self._values.take(exponents.T + self._starts)
            if self._one_tree_per_output:
                sums[:, rows] = values
                continue
            for output, (first, end) in zip(sums, self._spans, strict=True):
                _add_trees(values[first:end], output[rows])
        return np.ascontiguousarray(sums.T)

    def _leaf_bits(self, cells: list[tuple[CellIndices, Masks]], rows: slice, buffers: Masks) -> Masks:
        """The bit of the leaf that each row reaches in each tree [rows, trees], written into `buffers`."""
        reachable: Masks = buffers[0]
        scratch: Masks = buffers[1]
        (indices, masks), *others = cells
        masks.take(indices[rows], axis=0, out=reachable, mode="clip")
        for indices, masks in others:
            masks.take(indices[rows], axis=0, out=scratch, mode="clip")
            reachable &= scratch
        np.negative(reachable, out=scratch)
        np.bitwise_and(reachable, scratch, out=reachable)  # x & −x keeps the lowest bit
        return reachable

    def _decode_masks(self, lookup: ColumnMasks, trees: int) -> Masks:
        return np.frombuffer(lookup.masks, self._mask_dtype).reshape(-1, trees)


def _add_trees(values: Floats, out: Floats) -> None:
    """Write the sum of `values`, float64[trees, n], over the trees in their order to `out`, float64[n]."""
    if values.shape[1] == 1 and len(values):  # NumPy would sum a single column pairwise
        out[0] = np.add.accumulate(values[:, 0])[-1]
    else:
        np.add.reduce(values, axis=0, out=out)


def _cell_finder(lookup: ColumnMasks) -> Callable[[Floats], CellIndices]:
    """A function from a column's values to their cells."""
    if lookup.cells is not None:
        codes = np.frombuffer(lookup.cells, "<i4").astype(np.intp)
        return lambda values: codes.take(np.where(np.isnan(values), 0, values + 2).astype(np.intp), mode="clip")
    bounds = np.frombuffer(lookup.bounds or b"", "<f8")

    def search_bounds(values: Floats) -> CellIndices:
        cells = np.searchsorted(bounds, values)
        cells[np.isnan(values)] = len(bounds) + 1
        return cells

    return search_bounds
