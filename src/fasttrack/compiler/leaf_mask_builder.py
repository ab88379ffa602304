"""From decision trees to leaf masks, which evaluate them on many rows at once: see `fasttrack.graph.leaf_masks`.

The cells of a category are its codes, so everything that an encoder makes of a column is a single lookup.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.compiler.columns import Block, CodedColumn, Columns, NumberColumn
from fasttrack.compiler.decision_tree import DecisionTree, goes_left, input_thresholds, missing_goes_left
from fasttrack.compiler.elementwise import is_monotone
from fasttrack.compiler.extraction import ExtractedEnsemble
from fasttrack.compiler.graph_matrix import as_block, concat_blocks, lookup_order
from fasttrack.compiler.text_features import TextBlock
from fasttrack.graph import ColumnMasks, LeafMasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["build_leaf_masks", "can_be_masked"]

_MAX_LEAVES = 64
_MAX_BYTES = 8_000_000
"""Of all masks of an ensemble. More would not stay in the processor's caches."""
_MAX_CODE_BYTES = 64_000_000
"""Of a column's masks code by code, before codes with equal masks are merged."""
_TREES_PER_LOOKUP = 2
"""Looking up one column takes as long as walking two trees."""


def can_be_masked(trees: Sequence[DecisionTree], min_trees: int) -> bool:
    """Whether there are at least `min_trees` trees, and each has few enough leaves."""
    return len(trees) >= min_trees and all(len(tree.feature) < 2 * _MAX_LEAVES for tree in trees)


def build_leaf_masks(
    trees: Sequence[DecisionTree], x: Columns, targets: int, min_trees: int
) -> ExtractedEnsemble | None:
    """The trees as leaf masks, or `None` if the graph would be faster or the masks would be too large."""
    if not can_be_masked(trees, min_trees):
        return None
    order = np.argsort([tree.target for tree in trees], kind="stable")
    trees = [trees[i] for i in order]
    ends = np.cumsum(np.bincount([tree.target for tree in trees], minlength=targets)).tolist()
    splits: dict[int, list[_Split]] = defaultdict(list)
    leaves = [_collect_splits(tree, number, 0, 0, splits) for number, tree in enumerate(trees)]
    if not splits:
        return None
    sources = _group_by_source(x, splits)
    if min_trees > 1 and len(trees) < _TREES_PER_LOOKUP * len(sources):
        return None
    max_leaves = max(map(len, leaves))
    bits = next(bits for bits in (8, 16, 32, 64) if max_leaves <= bits)
    blocks = dict.fromkeys(source.block for source in sources)
    lookups = _build_lookups(sources, list(blocks), len(trees), np.dtype(f"<u{bits // 8}"))
    if lookups is None:
        return None
    values = np.zeros((len(trees), max_leaves), "<f8")
    for row, leaf_values in zip(values, leaves, strict=True):
        row[: len(leaf_values)] = leaf_values
    masks = LeafMasks(bits=bits, lookups=lookups, values=values.tobytes(), leaves=max_leaves, ends=ends)
    return ExtractedEnsemble(concat_blocks(blocks), masks)


@dataclass(frozen=True, slots=True)
class _Split:
    """An inner node. A row that goes right cannot reach the leaves from `first` up to `middle`, exclusive."""

    tree: int
    threshold: float
    missing_left: bool
    members: Floats | None
    first: int
    middle: int

    def right_mask(self, dtype: np.dtype[Any]) -> Any:
        """The mask of the leaves that a row that goes right can reach."""
        unreachable = (1 << self.middle) - (1 << self.first)
        return dtype.type(int(np.iinfo(dtype).max) & ~unreachable)


def _collect_splits(
    tree: DecisionTree, number: int, node: int, first: int, splits: dict[int, list[_Split]]
) -> list[float]:
    """Add the splits below `node` to `splits`, by feature. Returns the values of the leaves from left to right.

    `number`: of the tree. `first`: the number of the first leaf below `node`.
    """
    feature = int(tree.feature[node])
    if feature < 0:
        return [float(tree.value[node])]
    left = _collect_splits(tree, number, int(tree.left[node]), first, splits)
    middle = first + len(left)
    members = None if tree.members is None else tree.members.get(node)
    missing_left = bool(tree.missing_left[node])
    splits[feature].append(_Split(number, float(tree.threshold[node]), missing_left, members, first, middle))
    return left + _collect_splits(tree, number, int(tree.right[node]), middle, splits)


@dataclass(eq=False)
class _SourceColumn:
    """A column of a block, with the splits on the NumberColumns or CodedColumns that are computed from it."""

    block: Block | TextBlock
    index: int
    numbers: list[tuple[NumberColumn, list[_Split]]] = field(default_factory=list)
    coded: list[tuple[CodedColumn, list[_Split]]] = field(default_factory=list)

    @property
    def cell_count(self) -> int:
        """How many cells there are.

        For numbers this is an estimate: steps may merge thresholds, or give them different positions on the source.
        """
        if self.coded:
            return len(self.coded[0][0].cells)
        return len({split.threshold for _, splits in self.numbers for split in splits}) + 2


def _group_by_source(x: Columns, splits: dict[int, list[_Split]]) -> list[_SourceColumn]:
    """The splits by the column of a block that their feature is computed from."""
    columns = x.numeric_features()
    sources: dict[tuple[Block | TextBlock, int, type], _SourceColumn] = {}
    computed: list[tuple[NumberColumn, list[_Split]]] = []
    for feature, feature_splits in sorted(splits.items()):
        column = columns[feature]
        # of the features of text, only those that the trees test are computed
        if isinstance(column, NumberColumn) and (isinstance(column.block, TextBlock) or not is_monotone(column.steps)):
            computed.append((column, feature_splits))
            continue
        # a boolean input may be both a NumberColumn and a CodedColumn
        key = (column.block, column.index, type(column))
        source = sources.setdefault(key, _SourceColumn(column.block, column.index))
        if isinstance(column, NumberColumn):
            source.numbers.append((column, feature_splits))
        else:
            source.coded.append((column, feature_splits))
    if not computed:
        return list(sources.values())
    block = as_block(x.with_features(column for column, _ in computed))
    new_sources = [
        _SourceColumn(block, i, [(NumberColumn(block, i), splits)]) for i, (_, splits) in enumerate(computed)
    ]
    return [*sources.values(), *new_sources]


def _build_lookups(
    sources: Sequence[_SourceColumn], blocks: Sequence[Block | TextBlock], trees: int, dtype: np.dtype[Any]
) -> list[ColumnMasks] | None:
    """The masks of each source, whose columns are counted over the `blocks` side by side; `None` if too large."""
    starts = dict(zip(blocks, np.cumsum([0, *(block.width for block in blocks)]).tolist(), strict=False))
    lookups, free_bytes = [], _MAX_BYTES
    for source in sources:
        column = starts[source.block] + source.index
        if source.cell_count * trees * dtype.itemsize > (_MAX_CODE_BYTES if source.coded else free_bytes):
            return None
        if source.coded:
            cells, masks = _code_masks(source, trees, dtype)
            lookups.append(ColumnMasks(column=column, cells=cells.astype("<i4").tobytes(), masks=masks.tobytes()))
        else:
            bounds, masks = _number_masks(source, trees, dtype)
            lookups.append(ColumnMasks(column=column, bounds=bounds.astype("<f8").tobytes(), masks=masks.tobytes()))
        free_bytes -= masks.nbytes
        if free_bytes < 0:
            return None
    return lookups


def _code_masks(source: _SourceColumn, trees: int, dtype: np.dtype[Any]) -> tuple[NDArray[np.integer], NDArray[Any]]:
    """The cell of each code, in `lookup_order`, and the masks [cells, trees]. Codes with equal masks share a cell."""
    masks = np.full((len(source.coded[0][0].cells), trees), np.iinfo(dtype).max, dtype)
    for column, splits in source.coded:
        for split in splits:
            left = goes_left(column, split.threshold, split.missing_left, split.members)
            masks[~lookup_order(left), split.tree] &= split.right_mask(dtype)
    distinct, cells = np.unique(masks, axis=0, return_inverse=True)
    return cells.ravel(), distinct


def _number_masks(source: _SourceColumn, trees: int, dtype: np.dtype[Any]) -> tuple[Floats, NDArray[Any]]:
    """The upper bounds of a number's cells, and the masks [cells, trees]."""
    tests = [test for number, splits in source.numbers for test in _move_splits(number, splits)]
    thresholds = np.array([threshold for _, threshold, _ in tests])
    bounds = np.unique(thresholds[~np.isnan(thresholds)])
    masks = np.full((len(bounds) + 2, trees), np.iinfo(dtype).max, dtype)
    for split, threshold, missing_left in tests:
        first_right = 0 if np.isnan(threshold) else int(np.searchsorted(bounds, threshold)) + 1
        masks[first_right:-1, split.tree] &= split.right_mask(dtype)
        if not missing_left:
            masks[-1, split.tree] &= split.right_mask(dtype)
    return bounds, masks


def _move_splits(number: NumberColumn, splits: list[_Split]) -> list[tuple[_Split, float, bool]]:
    """Each split with its threshold on the block's column, and whether NaN in that column goes left."""
    thresholds = np.array([split.threshold for split in splits])
    missing_left = missing_goes_left(number, thresholds, np.array([split.missing_left for split in splits]))
    return list(zip(splits, input_thresholds(number, thresholds).tolist(), missing_left.tolist(), strict=True))
