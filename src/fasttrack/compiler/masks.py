"""Decision trees → masks of leaves by column, for many rows at once: see `fasttrack.graph.leaf_masks`.

A category's cells are its codes, so all that an encoder made of a column is one lookup.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.compiler.apart import Masked
from fasttrack.compiler.columns import Block, Columns, Number, Table
from fasttrack.compiler.matrix import as_block, laid_out, side_by_side
from fasttrack.compiler.steps import monotone
from fasttrack.compiler.tree import Tree, goes_left, missing_goes_left, moved
from fasttrack.graph import LeafMasks, Lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["leaf_masks", "may_be_masked"]

_MOST_LEAVES = 64
_MOST_BYTES = 8_000_000
"""Of all masks: more leave the caches."""
_MOST_CODE_BYTES = 64_000_000
"""Of a column's masks code by code, before those that are the same are one."""
_TREES_A_LOOKUP = 2
"""A lookup costs what two trees cost to walk."""


def may_be_masked(trees: Sequence[Tree], least: int) -> bool:
    """Whether there are enough trees, and small enough."""
    return len(trees) >= least and all(len(tree.feature) < 2 * _MOST_LEAVES for tree in trees)


def leaf_masks(trees: Sequence[Tree], x: Columns, targets: int, least: int) -> Masked | None:
    """The trees as masks, where that is faster than to walk them."""
    if not may_be_masked(trees, least):
        return None
    order = np.argsort([tree.target for tree in trees], kind="stable")
    trees = [trees[i] for i in order]
    ends = np.cumsum(np.bincount([tree.target for tree in trees], minlength=targets)).tolist()
    splits: dict[int, list[_Split]] = defaultdict(list)
    leaves = []
    for number, tree in enumerate(trees):
        leaves.append(_number_leaves(tree, number, 0, 0, splits))
    if not splits:
        return None
    sources = _sources(x, splits)
    most = max(map(len, leaves))
    bits = next(bits for bits in (8, 16, 32, 64) if most <= bits)
    if least > 1 and len(trees) < _TREES_A_LOOKUP * len(sources):
        return None
    blocks = dict.fromkeys(source.block for source in sources)
    starts = dict(zip(blocks, np.cumsum([0, *(block.width for block in blocks)]).tolist(), strict=False))
    dtype = np.dtype(f"<u{bits // 8}")
    lookups, room = [], _MOST_BYTES
    for source in sources:
        column = starts[source.block] + source.index
        if source.cells * len(trees) * dtype.itemsize > (_MOST_CODE_BYTES if source.tables else room):
            return None
        if source.tables:
            cells, masks = _code_masks(source, len(trees), dtype)
            lookups.append(Lookup(column=column, cells=cells.astype("<i4").tobytes(), masks=masks.tobytes()))
        else:
            bounds, masks = _number_masks(source, len(trees), dtype)
            lookups.append(Lookup(column=column, bounds=bounds.astype("<f8").tobytes(), masks=masks.tobytes()))
        room -= masks.nbytes
        if room < 0:
            return None
    values = np.zeros((len(trees), most), "<f8")
    for row, found in zip(values, leaves, strict=True):
        row[: len(found)] = found
    masked = LeafMasks(bits=bits, lookups=lookups, values=values.tobytes(), leaves=most, ends=ends)
    return Masked(side_by_side(blocks), masked)


@dataclass(frozen=True, slots=True)
class _Split:
    """A node: going right loses the leaves from `first` on, before `middle`."""

    tree: int
    threshold: float
    missing_left: bool
    members: Floats | None
    first: int
    middle: int

    def kept(self, dtype: np.dtype[Any]) -> Any:
        """The mask of the leaves that are left to a row that goes right."""
        lost = (1 << self.middle) - (1 << self.first)
        return dtype.type(int(np.iinfo(dtype).max) & ~lost)


def _number_leaves(tree: Tree, number: int, node: int, first: int, splits: dict[int, list[_Split]]) -> list[float]:
    """The values of the leaves below `node` from left to right, the first of which has number `first`."""
    feature = int(tree.feature[node])
    if feature < 0:
        return [float(tree.value[node])]
    left = _number_leaves(tree, number, int(tree.left[node]), first, splits)
    middle = first + len(left)
    members = None if tree.members is None else tree.members.get(node)
    missing = bool(tree.missing_left[node])
    splits[feature].append(_Split(number, float(tree.threshold[node]), missing, members, first, middle))
    return left + _number_leaves(tree, number, int(tree.right[node]), middle, splits)


@dataclass(eq=False)
class _Source:
    """A column of a block, and the splits on what was made of it: by number, or by table."""

    block: Block
    index: int
    numbers: list[tuple[Number, list[_Split]]] = field(default_factory=list)
    tables: list[tuple[Table, list[_Split]]] = field(default_factory=list)

    @property
    def cells(self) -> int:
        """How many there are, of a number about: steps may bring thresholds together, or two numbers have others."""
        if self.tables:
            return len(self.tables[0][0].cells)
        return len({split.threshold for _, splits in self.numbers for split in splits}) + 2


def _sources(x: Columns, splits: dict[int, list[_Split]]) -> list[_Source]:
    numbers = x.numeric()
    sources: dict[tuple[Block, int, type], _Source] = {}
    computed: list[tuple[Number, list[_Split]]] = []
    for used, found in sorted(splits.items()):
        one = numbers[used]
        if isinstance(one, Number) and not monotone(one.steps):
            computed.append((one, found))
            continue
        # a boolean is both a number and a category
        source = sources.setdefault((one.block, one.index, type(one)), _Source(one.block, one.index))
        if isinstance(one, Number):
            source.numbers.append((one, found))
        else:
            source.tables.append((one, found))
    if not computed:
        return list(sources.values())
    block = as_block(x.of(one for one, _ in computed))
    made = [_Source(block, i, [(Number(block, i), found)]) for i, (_, found) in enumerate(computed)]
    return [*sources.values(), *made]


def _code_masks(source: _Source, trees: int, dtype: np.dtype[Any]) -> tuple[NDArray[np.integer], NDArray[Any]]:
    """The cells of codes, and their masks [cells, trees]: rare categories have one for all, mostly."""
    masks = np.full((len(source.tables[0][0].cells), trees), np.iinfo(dtype).max, dtype)
    for table, splits in source.tables:
        for split in splits:
            left = goes_left(table, split.threshold, split.missing_left, split.members)
            masks[~laid_out(left), split.tree] &= split.kept(dtype)
    distinct, cells = np.unique(masks, axis=0, return_inverse=True)
    return cells.ravel(), distinct


def _number_masks(source: _Source, trees: int, dtype: np.dtype[Any]) -> tuple[Floats, NDArray[Any]]:
    """The bounds of a number's cells, and their masks [cells, trees]."""
    tests = [test for number, splits in source.numbers for test in _tests(number, splits)]
    thresholds = np.array([threshold for _, threshold, _ in tests])
    bounds = np.unique(thresholds[~np.isnan(thresholds)])
    masks = np.full((len(bounds) + 2, trees), np.iinfo(dtype).max, dtype)
    for split, threshold, missing_left in tests:
        first = 0 if np.isnan(threshold) else int(np.searchsorted(bounds, threshold)) + 1
        masks[first:-1, split.tree] &= split.kept(dtype)
        if not missing_left:
            masks[-1, split.tree] &= split.kept(dtype)
    return bounds, masks


def _tests(number: Number, splits: list[_Split]) -> list[tuple[_Split, float, bool]]:
    """The splits with the threshold on the block's column, and whether NaN in it goes to the left."""
    thresholds = np.array([split.threshold for split in splits])
    missing_left = missing_goes_left(number, thresholds, np.array([split.missing_left for split in splits]))
    return list(zip(splits, moved(number, thresholds).tolist(), missing_left.tolist(), strict=True))
