"""Decision trees → one TreeEnsemble operator that splits on the raw columns behind what the trees were trained on.

A threshold moves back through scaling, imputing and rounding to the exact float where the answer flips; a split on an
encoded category becomes one on its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import spox.opset.ai.onnx.ml.v5 as ml
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler import floats
from fasttrack.compiler.columns import Block, Columns, Number, Table
from fasttrack.compiler.matrix import as_block
from fasttrack.compiler.steps import monotone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from spox import Var

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

__all__ = ["Tree", "tree_sums"]

_LEQ, _EQ, _MEMBER = 0, 4, 6


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as parallel arrays over its nodes; node 0 is the root.

    `feature` is −1 at a leaf. A row goes to `left` where its value is <= `threshold`, or in `members` where the node
    has some; where it is NaN, if `missing_left`. `value` is what a leaf adds to output `target`.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: Bools
    value: Floats
    target: int = 0
    members: dict[int, Floats] | None = None

    @classmethod
    def constant(cls, value: float, target: int = 0) -> Tree:
        """A single leaf."""
        none = np.array([-1])
        return cls(none, np.zeros(1), none, none, np.zeros(1, dtype=bool), np.array([value]), target)


def tree_sums(trees: Sequence[Tree], x: Columns, targets: int = 1) -> Var:
    """float64[n, targets]: what each row's leaves add up to, one tree after the other."""
    width = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    feature = np.concatenate([tree.feature for tree in trees])
    leaf = feature < 0
    inner = np.flatnonzero(~leaf)
    members = {
        int(start) + node: found
        for tree, start in zip(trees, width, strict=False)
        for node, found in (tree.members or {}).items()
    }
    blocks, splits = _splits(
        x,
        feature[inner],
        np.concatenate([tree.threshold for tree in trees])[inner],
        np.concatenate([tree.missing_left for tree in trees])[inner],
        [members.get(int(node)) for node in inner],
    )
    children = [
        np.concatenate([side + start for side, start in zip(sides, width, strict=False)])[inner]
        for sides in ([tree.left for tree in trees], [tree.right for tree in trees])
    ]
    true = np.where(splits.swapped, children[1], children[0])
    false = np.where(splits.swapped, children[0], children[1])
    # where each node is among the nodes that split, or among the leaves
    place = np.where(leaf, np.cumsum(leaf) - 1, np.cumsum(~leaf) - 1)
    roots = place[width[:-1]]
    modes, values, columns, missing = splits.mode, splits.value, splits.column, splits.missing_true
    true_leaf, false_leaf, true, false = leaf[true], leaf[false], place[true], place[false]
    lone = [(index, root) for index, root in enumerate(width[:-1]) if leaf[root]]
    for number, (index, root) in enumerate(lone):
        # a tree that is a leaf: a node both of whose ways lead to it
        roots[index] = len(inner) + number
        true, false = np.append(true, place[root]), np.append(false, place[root])
    if lone:
        extra = len(lone)
        true_leaf, false_leaf = np.append(true_leaf, [True] * extra), np.append(false_leaf, [True] * extra)
        modes, columns = np.append(modes, [_LEQ] * extra), np.append(columns, [0] * extra)
        values, missing = np.append(values, [0.0] * extra), np.append(missing, [False] * extra)
    leaves = np.flatnonzero(leaf)
    target = np.repeat([tree.target for tree in trees], np.diff(width))
    return ml.tree_ensemble(
        _joined(blocks, x),
        aggregate_function=1,
        leaf_targetids=target[leaves].tolist(),
        leaf_weights=np.concatenate([tree.value for tree in trees])[leaves],
        membership_values=np.array(splits.members) if splits.members else None,
        n_targets=targets,
        nodes_featureids=columns.tolist(),
        nodes_modes=modes.astype(np.uint8),
        nodes_splits=values,
        nodes_missing_value_tracks_true=missing.astype(int).tolist(),
        nodes_truenodeids=true.tolist(),
        nodes_falsenodeids=false.tolist(),
        nodes_trueleafs=true_leaf.astype(int).tolist(),
        nodes_falseleafs=false_leaf.astype(int).tolist(),
        tree_roots=roots.tolist(),
    )


@dataclass(frozen=True, eq=False)
class _Splits:
    """The nodes' tests on the columns of the blocks side by side; `swapped` where the true way is the right child."""

    mode: Ints
    column: Ints
    value: Floats
    missing_true: Bools
    swapped: Bools
    members: list[float]
    """The members of each node that has some, each followed by a NaN."""


def _splits(
    x: Columns, feature: Ints, threshold: Floats, missing_left: Bools, members: list[Floats | None]
) -> tuple[list[Block], _Splits]:
    features = _splittable(x, feature)
    blocks = list(dict.fromkeys(features[int(used)].block for used in np.unique(feature)))
    starts = dict(zip(blocks, np.cumsum([0, *(block.width for block in blocks)]).tolist(), strict=False))
    n = len(feature)
    mode, column, value = np.full(n, _LEQ), np.zeros(n, dtype=np.int64), np.array(threshold, dtype=np.float64)
    missing_true, swapped = missing_left.copy(), np.zeros(n, dtype=bool)
    sets: dict[int, list[float]] = {}
    for used in np.unique(feature):
        one = features[int(used)]
        nodes = np.flatnonzero(feature == used)
        column[nodes] = starts[one.block] + one.index
        if isinstance(one, Table):
            cache: dict[tuple[float, bool], _Test] = {}
            for node in nodes.tolist():
                key = (float(threshold[node]), bool(missing_left[node]))
                test = cache.get(key) if members[node] is None else None
                if test is None:
                    test = _test(_goes_left(one, *key, members[node]))
                if members[node] is None:
                    cache[key] = test
                mode[node], value[node], swapped[node] = test.mode, test.value, test.swapped
                missing_true[node] = test.missing_true
                if test.members:
                    sets[node] = test.members
            continue
        missing_true[nodes] = _number_missing(one, threshold[nodes], missing_left[nodes])
        value[nodes] = _moved(one, threshold[nodes])
        if one.block is x.scope.matrix:
            x.scope.splits.setdefault(one.index, set()).update(value[nodes][np.isfinite(value[nodes])].tolist())
    flat = [cell for node in sorted(sets) for cell in (*sets[node], np.nan)]
    return blocks, _Splits(mode, column, value, missing_true, swapped, flat)


def _splittable(x: Columns, feature: Ints) -> dict[int, Number | Table]:
    """The used columns; those that only an operator can compute are computed, together."""
    numbers = x.numeric()
    found = {int(used): numbers[int(used)] for used in np.unique(feature)}
    hard = [used for used, one in found.items() if isinstance(one, Number) and not monotone(one.steps)]
    if hard:
        block = as_block(x.select(hard))
        found.update({used: Number(block, i) for i, used in enumerate(hard)})
    return found


def _moved(number: Number, thresholds: Floats) -> Floats:
    if not number.steps:
        return thresholds
    distinct, places = np.unique(thresholds, return_inverse=True)
    return floats.last_not_above(number.values, distinct)[places]


def _number_missing(number: Number, thresholds: Floats, missing_left: Bools) -> Bools:
    filled = number.values(np.array([np.nan]))[0]
    return missing_left if np.isnan(filled) else filled <= thresholds


def _goes_left(table: Table, threshold: float, missing_left: bool, members: Floats | None) -> Bools:
    cells = table.numbers()
    left = cells <= threshold if members is None else np.isin(cells, members)
    return np.where(np.isnan(cells), missing_left, left)


@dataclass(frozen=True)
class _Test:
    mode: int
    value: float
    missing_true: bool
    swapped: bool
    members: list[float]


def _test(left: Bools) -> _Test:
    """The cheapest test on the code that is true where `left` is: for codes 0, 1, …, then −1, then missing."""
    known, unseen, missing = left[:-2], bool(left[-2]), bool(left[-1])
    # a test on members is false for the code −1, and one on order true; both can be turned around
    first = known if unseen else ~known
    down = int(np.argmin(first)) if not first.all() else len(first)
    if first[:down].all() and not first[down:].any():
        bound = np.inf if down == len(first) else down - 1.0
        return _Test(_LEQ, bound, missing == unseen, not unseen, [])
    codes = np.flatnonzero(~known if unseen else known).astype(np.float64).tolist()
    if len(codes) == 1:
        return _Test(_EQ, codes[0], missing != unseen, unseen, [])
    return _Test(_MEMBER, 0.0, missing != unseen, unseen, codes)


def _joined(blocks: list[Block], x: Columns) -> Var:
    if not blocks:
        return x.scope.matrix.var
    return blocks[0].var if len(blocks) == 1 else op.concat([block.var for block in blocks], axis=1)
