"""From decision trees to one TreeEnsemble operator that splits on the columns behind the trees' features.

A threshold is moved back through scaling, imputing and rounding, to the exact float where the comparison changes. A
split on an encoded category becomes a test of its code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import spox.opset.ai.onnx.ml.v5 as ml

from fasttrack.compiler.columns import Block, CodedColumn, Columns, NumberColumn
from fasttrack.compiler.decision_tree import DecisionTree, goes_left, input_thresholds, missing_goes_left
from fasttrack.compiler.elementwise import is_monotone
from fasttrack.compiler.graph_matrix import as_block, concat_blocks
from fasttrack.compiler.leaf_mask_builder import build_leaf_masks, can_be_masked
from fasttrack.compiler.text_features import TextBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from spox import Var

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

__all__ = ["tree_sums"]

_LEQ, _EQ, _MEMBER = 0, 4, 6
"""The operator's codes for tests: value <= split, value == split, value in a set."""
_MAX_MASK_MEMBERS = 64
"""onnxruntime tests a set with a single bit mask if its members are from 1 to 64."""


def tree_sums(trees: Sequence[DecisionTree], x: Columns, targets: int = 1) -> Var:
    """float64[n, targets]: for each row, the sums of the leaf values it reaches, added tree by tree in their order."""
    state = x.state
    if state.extraction is not None:
        extracted = build_leaf_masks(trees, x, targets, state.extraction.min_trees)
        if extracted is not None:
            return state.extraction.add(extracted)
    if can_be_masked(trees, 1):
        state.largest_ensemble = max(state.largest_ensemble, len(trees))
    forest = _join_trees(trees)
    blocks, splits = _translate_splits(x, forest)
    nodes, roots, leaves = _link_nodes(forest, splits)
    weights = forest.value[leaves]
    nodes.align_missing(weights)
    return ml.tree_ensemble(
        concat_blocks(blocks or [state.matrix]),
        aggregate_function=1,
        leaf_targetids=forest.target[leaves].tolist(),
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


@dataclass(frozen=True, eq=False)
class _Forest:
    """All trees with one numbering of their nodes, as parallel arrays; see DecisionTree. `roots`: one for each tree."""

    roots: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: Bools
    value: Floats
    target: Ints
    members: dict[int, Floats]


def _join_trees(trees: Sequence[DecisionTree]) -> _Forest:
    sizes = [len(tree.feature) for tree in trees]
    starts = np.cumsum([0, *sizes])[:-1]
    return _Forest(
        roots=starts,
        feature=np.concatenate([tree.feature for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=np.concatenate([tree.left + start for tree, start in zip(trees, starts, strict=True)]),
        right=np.concatenate([tree.right + start for tree, start in zip(trees, starts, strict=True)]),
        missing_left=np.concatenate([tree.missing_left for tree in trees]),
        value=np.concatenate([tree.value for tree in trees]),
        target=np.repeat([tree.target for tree in trees], sizes),
        members={
            int(start) + node: members
            for tree, start in zip(trees, starts, strict=True)
            for node, members in (tree.members or {}).items()
        },
    )


@dataclass(eq=False)
class _Nodes:
    """The operator's nodes as parallel lists. `members`: the set of each node that tests for one."""

    mode: list[int]
    column: list[int]
    value: list[float]
    missing_true: list[bool]
    true: list[int]
    false: list[int]
    true_leaf: list[bool]
    false_leaf: list[bool]
    members: dict[int, list[float]]

    def add_constant(self, true_leaf: int, false_leaf: int) -> int:
        """Append a node with two leaves, of equal value. Returns the number of the node."""
        self.mode.append(_LEQ)
        self.column.append(0)
        self.value.append(0.0)
        self.missing_true.append(False)
        self.true.append(true_leaf)
        self.false.append(false_leaf)
        self.true_leaf.append(True)
        self.false_leaf.append(True)
        return len(self.mode) - 1

    def align_missing(self, weights: Floats) -> None:
        """In a chain of tests on one column with equal leaves, send missing values to the first of these leaves.

        onnxruntime merges such a chain into one test, and loses where the later tests send missing values. `weights`:
        the value of each leaf.
        """
        successors = {
            node: self.false[node]
            for node, mode in enumerate(self.mode)
            if mode in (_EQ, _MEMBER) and self.true_leaf[node] and not self.false_leaf[node]
        }
        changed = True
        while changed:
            changed = False
            for node, successor in successors.items():
                if (
                    self.missing_true[successor]
                    and not self.missing_true[node]
                    and self.mode[successor] in (_EQ, _MEMBER)
                    and self.column[successor] == self.column[node]
                    and self.true_leaf[successor]
                    and weights[self.true[successor]] == weights[self.true[node]]
                ):
                    self.missing_true[node] = changed = True

    def membership(self) -> Floats | None:
        """The members of all sets in the order of their nodes, each set terminated by NaN; `None` without sets."""
        flat = [member for node in sorted(self.members) for member in (*self.members[node], np.nan)]
        return np.array(flat) if flat else None


@dataclass(frozen=True, eq=False)
class _Splits:
    """The inner nodes' tests, as parallel arrays. `column` counts over all blocks side by side.

    `swapped`: where the test is true for rows that go right. `members`: the set of each node that tests for one.
    """

    mode: Ints
    column: Ints
    value: Floats
    missing_true: Bools
    swapped: Bools
    members: dict[int, list[float]]


def _link_nodes(forest: _Forest, splits: _Splits) -> tuple[_Nodes, Ints, Ints]:
    """The operator's nodes, each tree's root among them, and for each of the operator's leaves its node in `forest`."""
    is_leaf = forest.feature < 0
    inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
    left, right = forest.left[inner], forest.right[inner]
    true = np.where(splits.swapped, right, left)
    false = np.where(splits.swapped, left, right)
    # each node's number among the inner nodes, or among the leaves
    number = np.where(is_leaf, np.cumsum(is_leaf) - 1, np.cumsum(~is_leaf) - 1)
    nodes = _Nodes(
        splits.mode.tolist(),
        splits.column.tolist(),
        splits.value.tolist(),
        splits.missing_true.tolist(),
        number[true].tolist(),
        number[false].tolist(),
        is_leaf[true].tolist(),
        is_leaf[false].tolist(),
        splits.members,
    )
    roots = number[forest.roots]
    single_leaf = np.flatnonzero(is_leaf[forest.roots])
    # A tree that is a single leaf gets a node with two copies of that leaf. If both branches led to the same leaf,
    # onnxruntime might mix up the leaves of other trees.
    leaves = np.concatenate([leaves, leaves[roots[single_leaf]]])
    for tree, copy in zip(single_leaf, range(len(leaves) - len(single_leaf), len(leaves)), strict=True):
        roots[tree] = nodes.add_constant(int(roots[tree]), copy)
    return nodes, roots, leaves


def _translate_splits(x: Columns, forest: _Forest) -> tuple[list[Block | TextBlock], _Splits]:
    """The inner nodes' splits on `x`, as tests on the columns of the returned blocks side by side."""
    inner = np.flatnonzero(forest.feature >= 0)
    feature, threshold = forest.feature[inner], forest.threshold[inner]
    missing_left = forest.missing_left[inner]
    members = [forest.members.get(int(node)) for node in inner]
    splits = _Splits(
        mode=np.full(len(inner), _LEQ),
        column=np.zeros(len(inner), dtype=np.int64),
        value=np.array(threshold, dtype=np.float64),
        missing_true=missing_left.copy(),
        swapped=np.zeros(len(inner), dtype=bool),
        members={},
    )
    with_members = {
        int(index) for index, node_members in zip(feature, members, strict=True) if node_members is not None
    }
    numbers = x.numeric_features()
    columns = {index: numbers[index] for index in np.unique(feature).tolist()}
    nodes = {index: np.flatnonzero(feature == index) for index in columns}
    computed: list[tuple[NDArray[np.intp], NumberColumn | CodedColumn]] = []
    blocks: dict[Block | TextBlock, None] = {}
    for index, column in columns.items():
        at = nodes[index]
        if _must_be_computed(column, index in with_members):
            computed.append((at, column))
            continue
        blocks[column.block] = None
        splits.column[at] = column.index
        if isinstance(column, NumberColumn):
            splits.missing_true[at] = missing_goes_left(column, threshold[at], missing_left[at])
            splits.value[at] = on_block = input_thresholds(column, threshold[at])
            if column.block is x.state.matrix:
                finite = on_block[np.isfinite(on_block)].tolist()
                x.state.thresholds.setdefault(column.index, set()).update(finite)
            continue
        sets = _test_codes(column, splits, at, threshold, missing_left, members)
        if sets:
            relabelled_column, relabelled_sets = _relabel(column, sets)
            computed.append((np.array(list(sets)), relabelled_column))
            splits.members.update(relabelled_sets)
    starts = dict(zip(blocks, np.cumsum([0, *(block.width for block in blocks)]).tolist(), strict=False))
    for index, column in columns.items():
        if column.block in starts:
            splits.column[nodes[index]] += starts[column.block]
    if computed:
        end = sum(block.width for block in blocks)
        for position, (at, _) in enumerate(computed):
            splits.column[at] = end + position
        blocks[as_block(x.with_features(column for _, column in computed))] = None
    return list(blocks), splits


def _test_codes(
    column: CodedColumn,
    splits: _Splits,
    nodes: NDArray[np.intp],
    threshold: Floats,
    missing_left: Bools,
    members: list[Floats | None],
) -> dict[int, list[float]]:
    """Write the tests of the column's codes at `nodes` into `splits`. Returns the set of each node that needs one."""
    tests: dict[tuple[float, bool], _CodeTest] = {}
    sets: dict[int, list[float]] = {}
    for node in nodes.tolist():
        split = (float(threshold[node]), bool(missing_left[node]))
        test = tests.get(split) if members[node] is None else None
        if test is None:
            test = _code_test(goes_left(column, *split, members[node]))
        if members[node] is None:
            tests[split] = test
        splits.mode[node], splits.value[node], splits.swapped[node] = test.mode, test.value, test.swapped
        splits.missing_true[node] = test.missing_true
        if test.members:
            sets[node] = test.members
    return sets


def _must_be_computed(column: NumberColumn | CodedColumn, has_members: bool) -> bool:
    """Whether the splits must be on the column's computed number, and cannot be tests on what it is computed from."""
    if isinstance(column, NumberColumn):
        # of the features of text, only those that the trees test are computed
        return isinstance(column.block, TextBlock) or not is_monotone(column.steps)
    # among many codes, looking up the number and comparing it is faster than testing a set of codes
    return column.code_count > _MAX_MASK_MEMBERS and not has_members


def _relabel(column: CodedColumn, sets: dict[int, list[float]]) -> tuple[CodedColumn, dict[int, list[float]]]:
    """The column with codes from 1 on, those that occur in most sets first, and the sets in these codes.

    onnxruntime stores the members from 1 to 64 of a set in one bit mask, and adds a node for each of the others.
    """
    occurrences = np.bincount(np.concatenate(list(sets.values())).astype(np.intp), minlength=column.code_count)
    labels = np.empty(column.code_count + 2)
    labels[np.argsort(-occurrences, kind="stable")] = np.arange(1.0, column.code_count + 1)
    labels[-2:] = 0.0, np.nan
    relabelled = {node: np.sort(labels[np.array(codes, dtype=np.intp)]).tolist() for node, codes in sets.items()}
    return replace(column, cells=labels), relabelled


@dataclass(frozen=True)
class _CodeTest:
    """A node's test of a code; see `_Splits`."""

    mode: int
    value: float
    missing_true: bool
    swapped: bool
    members: list[float]


def _code_test(left: Bools) -> _CodeTest:
    """The cheapest test for `left`: which of the codes 0, 1, …, then −1, then NaN go left."""
    known, unseen, missing = left[:-2], bool(left[-2]), bool(left[-1])
    # a test of the order is true for the code −1, a test for members is false; either may be swapped
    prefix = known if unseen else ~known
    end = int(np.argmin(prefix)) if not prefix.all() else len(prefix)
    if prefix[:end].all() and not prefix[end:].any():
        bound = np.inf if end == len(prefix) else end - 1.0
        return _CodeTest(_LEQ, bound, missing == unseen, not unseen, [])
    codes = np.flatnonzero(~known if unseen else known).astype(np.float64).tolist()
    if len(codes) == 1:
        return _CodeTest(_EQ, codes[0], missing != unseen, unseen, [])
    return _CodeTest(_MEMBER, 0.0, missing != unseen, unseen, codes)
