"""Decision trees → one TreeEnsemble operator that splits on the raw columns behind what the trees were trained on.

A threshold moves back through scaling, imputing and rounding to the exact float where the answer flips; a split on an
encoded category becomes one on its code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import spox.opset.ai.onnx.ml.v5 as ml

from fasttrack.compiler.columns import Block, Columns, Number, Table
from fasttrack.compiler.masks import leaf_masks, may_be_masked
from fasttrack.compiler.matrix import as_block, side_by_side
from fasttrack.compiler.steps import monotone
from fasttrack.compiler.tree import Tree, goes_left, missing_goes_left, moved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from spox import Var

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

__all__ = ["tree_sums"]

_LEQ, _EQ, _MEMBER = 0, 4, 6
_MASK = 64


def tree_sums(trees: Sequence[Tree], x: Columns, targets: int = 1) -> Var:
    """float64[n, targets]: what each row's leaves add up to, one tree after the other."""
    scope = x.scope
    if scope.apart is not None and (masked := leaf_masks(trees, x, targets, scope.apart.least)) is not None:
        return scope.apart.add(masked)
    if may_be_masked(trees, 1):
        scope.largest_ensemble = max(scope.largest_ensemble, len(trees))
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
    nodes = _Nodes(
        splits.mode.tolist(),
        splits.column.tolist(),
        splits.value.tolist(),
        splits.missing_true.tolist(),
        place[true].tolist(),
        place[false].tolist(),
        leaf[true].tolist(),
        leaf[false].tolist(),
        splits.members,
    )
    roots = place[width[:-1]]
    constants = np.flatnonzero(leaf[width[:-1]])
    leaves = np.flatnonzero(leaf)
    # a tree that is a leaf: a node with that leaf on both its ways. It is there twice: where two ways lead to one leaf,
    # onnxruntime may mix up the leaves of other trees
    leaves = np.concatenate([leaves, leaves[roots[constants]]])
    for index, second in zip(constants, range(len(leaves) - len(constants), len(leaves)), strict=True):
        roots[index] = nodes.add(_LEQ, 0, False, int(roots[index]), second, True, True)
    weights = np.concatenate([tree.value for tree in trees])[leaves]
    nodes.unite_missing(weights)
    target = np.repeat([tree.target for tree in trees], np.diff(width))
    return ml.tree_ensemble(
        side_by_side(blocks or [x.scope.matrix]),
        aggregate_function=1,
        leaf_targetids=target[leaves].tolist(),
        leaf_weights=weights,
        membership_values=nodes.membership(),
        n_targets=targets,
        nodes_featureids=nodes.column,
        nodes_modes=np.array(nodes.mode, dtype=np.uint8),
        nodes_splits=np.array(nodes.value),
        nodes_missing_value_tracks_true=list(map(int, nodes.missing_true)),
        nodes_truenodeids=nodes.true,
        nodes_falsenodeids=nodes.false,
        nodes_trueleafs=list(map(int, nodes.true_leaf)),
        nodes_falseleafs=list(map(int, nodes.false_leaf)),
        tree_roots=roots.tolist(),
    )


@dataclass(eq=False)
class _Nodes:
    """The operator's nodes, as parallel lists; `members` of those that test for a set."""

    mode: list[int]
    column: list[int]
    value: list[float]
    missing_true: list[bool]
    true: list[int]
    false: list[int]
    true_leaf: list[bool]
    false_leaf: list[bool]
    members: dict[int, list[float]]

    def add(
        self, mode: int, column: int, missing_true: bool, true: int, false: int, true_leaf: bool, false_leaf: bool
    ) -> int:
        """Append a node, and say where it is."""
        self.mode.append(mode)
        self.column.append(column)
        self.value.append(0.0)
        self.missing_true.append(missing_true)
        self.true.append(true)
        self.false.append(false)
        self.true_leaf.append(true_leaf)
        self.false_leaf.append(false_leaf)
        return len(self.mode) - 1

    def unite_missing(self, weights: Floats) -> None:
        """Let missing values take the first of equal leaves of tests on one column that follow one another.

        onnxruntime makes one test of these, and forgets which way the later ones have for missing values.
        """
        after = {
            node: self.false[node]
            for node, mode in enumerate(self.mode)
            if mode in (_EQ, _MEMBER) and self.true_leaf[node] and not self.false_leaf[node]
        }
        pending = True
        while pending:
            pending = False
            for node, other in after.items():
                if (
                    self.missing_true[other]
                    and not self.missing_true[node]
                    and self.mode[other] in (_EQ, _MEMBER)
                    and self.column[other] == self.column[node]
                    and self.true_leaf[other]
                    and weights[self.true[other]] == weights[self.true[node]]
                ):
                    self.missing_true[node] = pending = True

    def membership(self) -> Floats | None:
        """The members of each node that has some, in the order of the nodes, each set ended by a NaN."""
        flat = [cell for node in sorted(self.members) for cell in (*self.members[node], np.nan)]
        return np.array(flat) if flat else None


@dataclass(frozen=True, eq=False)
class _Splits:
    """The nodes' tests on the columns of the blocks side by side; `swapped` where the true way is the right child."""

    mode: Ints
    column: Ints
    value: Floats
    missing_true: Bools
    swapped: Bools
    members: dict[int, list[float]]
    """Of each node that tests for a set."""


def _splits(
    x: Columns, feature: Ints, threshold: Floats, missing_left: Bools, members: list[Floats | None]
) -> tuple[list[Block], _Splits]:
    with_members = {int(used) for used, found in zip(feature, members, strict=True) if found is not None}
    numbers = x.numeric()
    features = {used: numbers[used] for used in np.unique(feature).tolist()}
    nodes = {used: np.flatnonzero(feature == used) for used in features}
    n = len(feature)
    mode, column, value = np.full(n, _LEQ), np.zeros(n, dtype=np.int64), np.array(threshold, dtype=np.float64)
    missing_true, swapped = missing_left.copy(), np.zeros(n, dtype=bool)
    sets: dict[int, list[float]] = {}
    computed: list[tuple[NDArray[np.intp], Number | Table]] = []
    blocks: dict[Block, None] = {}
    for used, one in features.items():
        if _must_be_computed(one, used in with_members):
            computed.append((nodes[used], one))
            missing_true[nodes[used]] = missing_left[nodes[used]]
            continue
        blocks[one.block] = None
        column[nodes[used]] = one.index
        if isinstance(one, Number):
            missing_true[nodes[used]] = missing_goes_left(one, threshold[nodes[used]], missing_left[nodes[used]])
            value[nodes[used]] = raw = moved(one, threshold[nodes[used]])
            if one.block is x.scope.matrix:
                x.scope.splits.setdefault(one.index, set()).update(raw[np.isfinite(raw)].tolist())
            continue
        cache: dict[tuple[float, bool], _Test] = {}
        found: dict[int, list[float]] = {}
        for node in nodes[used].tolist():
            key = (float(threshold[node]), bool(missing_left[node]))
            test = cache.get(key) if members[node] is None else None
            if test is None:
                test = _test(goes_left(one, *key, members[node]))
            if members[node] is None:
                cache[key] = test
            mode[node], value[node], swapped[node] = test.mode, test.value, test.swapped
            missing_true[node] = test.missing_true
            if test.members:
                found[node] = test.members
        if found:
            labelled, relabelled = _labelled(one, found)
            computed.append((np.array(list(found)), labelled))
            sets.update(relabelled)
    starts = dict(zip(blocks, np.cumsum([0, *(block.width for block in blocks)]).tolist(), strict=False))
    for used, one in features.items():
        if one.block in starts:
            column[nodes[used]] += starts[one.block]
    if computed:
        end = sum(block.width for block in blocks)
        for place, (those, _) in enumerate(computed):
            column[those] = end + place
        blocks[as_block(x.of(one for _, one in computed))] = None
    return list(blocks), _Splits(mode, column, value, missing_true, swapped, sets)


def _must_be_computed(one: Number | Table, with_members: bool) -> bool:
    """Whether a split needs the column's own number, rather than a test on what it is made of."""
    if isinstance(one, Number):
        return not monotone(one.steps)
    # to look a number up and compare it is less than to look for its code among very many
    return one.known > _MASK and not with_members


def _labelled(table: Table, sets: dict[int, list[float]]) -> tuple[Table, dict[int, list[float]]]:
    """Other codes for the categories, and the sets by node in them: from 1 on, first those that most sets have.

    onnxruntime keeps the members from 1 to 64 of a set as one mask, and walks a node for each of the others.
    """
    often = np.bincount(np.concatenate(list(sets.values())).astype(np.intp), minlength=table.known)
    label = np.empty(table.known + 2)
    label[np.argsort(-often, kind="stable")] = np.arange(1.0, table.known + 1)
    label[-2:] = 0.0, np.nan
    relabelled = {node: np.sort(label[np.array(codes, dtype=np.intp)]).tolist() for node, codes in sets.items()}
    return replace(table, cells=label), relabelled


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
