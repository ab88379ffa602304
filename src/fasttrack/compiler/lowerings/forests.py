"""scikit-learn's decision trees and random forests.

Their inputs are rounded to float32, their thresholds are float64, and their trees are added in order.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from fasttrack.compiler.class_scores import argmax
from fasttrack.compiler.decision_tree import DecisionTree
from fasttrack.compiler.graph_matrix import squeeze_column
from fasttrack.compiler.input_validation import require_finite
from fasttrack.compiler.lowering_registry import Classification, Regression, register
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__ = ["convert_tree", "round_to_float32"]

_MAX_OPERATOR_NODES = 500_000
"""About 20 MB. Predicting 100,000 rows with a forest of 2.5 million nodes takes half the time with this limit."""


def round_to_float32(x: Columns, *, allow_missing: bool) -> Columns:
    """The columns as the trees see them, rounded to float32.

    Refuses rows that overflow, and rows with missing values unless `allow_missing`.
    """
    x = x.each("float32")
    require_finite(x, allow_missing=allow_missing)
    return x


def convert_tree(tree: Any, value: NDArray[np.float64], target: int = 0) -> DecisionTree:
    """A fitted `tree_` whose leaves add `value` (float64, one for each node) to output `target`."""
    return DecisionTree(
        feature=np.maximum(tree.feature, -1).astype(np.int64),
        threshold=tree.threshold,
        left=tree.children_left.astype(np.int64),
        right=tree.children_right.astype(np.int64),
        missing_left=tree.missing_go_to_left.astype(bool),
        value=value,
        target=target,
    )


@register(DecisionTreeRegressor, ExtraTreeRegressor)
def _tree_regressor(estimator: Any, x: Columns) -> Regression:
    return Regression(_mean_values([estimator], x))


@register(RandomForestRegressor, ExtraTreesRegressor)
def _forest_regressor(forest: Any, x: Columns) -> Regression:
    return Regression(_mean_values(forest.estimators_, x))


@register(DecisionTreeClassifier, ExtraTreeClassifier)
def _tree_classifier(estimator: Any, x: Columns) -> Classification:
    return _mean_probabilities(estimator, [estimator], x)


@register(RandomForestClassifier, ExtraTreesClassifier)
def _forest_classifier(forest: Any, x: Columns) -> Classification:
    return _mean_probabilities(forest, forest.estimators_, x)


def _mean_values(members: Sequence[Any], x: Columns) -> Var:
    """float64[n], or float64[n, k] for k targets."""
    first = members[0]
    x = _tree_inputs(members, x)
    group_sums = [
        _sum_trees(group, x, first.n_outputs_, lambda tree, k: tree.value[:, k, 0]) for group in _groups(members)
    ]
    sums = reduce(op.add, group_sums)
    means = sums if len(members) == 1 else op.div(sums, op.const(float(len(members))))
    return squeeze_column(means) if first.n_outputs_ == 1 else means


def _mean_probabilities(estimator: Any, members: Sequence[Any], x: Columns) -> Classification:
    if estimator.n_outputs_ != 1:
        raise NotCompilable("a classifier with several targets has no lowering; fit one classifier for each target")
    # a single operator adds all trees in scikit-learn's order: if two classes are equal, the last bit decides
    inputs = _tree_inputs(members, x)
    sums = _sum_trees(members, inputs, int(estimator.n_classes_), lambda tree, k: tree.value[:, 0, k])
    probabilities = sums if len(members) == 1 else op.div(sums, op.const(float(len(members))))
    return Classification(estimator.classes_, argmax(probabilities), probabilities)


def _groups(members: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The members in groups that fit in the processor's cache, because onnxruntime walks all trees for each row."""
    start = nodes = 0
    for stop, member in enumerate(members):
        nodes += member.tree_.node_count
        if nodes > _MAX_OPERATOR_NODES and stop > start:
            yield members[start:stop]
            start, nodes = stop, member.tree_.node_count
    yield members[start:]


def _tree_inputs(members: Sequence[Any], x: Columns) -> Columns:
    allow_missing = all(member._support_missing_values(np.zeros((1, 1))) for member in members)
    return round_to_float32(x, allow_missing=allow_missing)


def _sum_trees(members: Sequence[Any], x: Columns, targets: int, value: Any) -> Var:
    """float64[n, targets]: the sums of all trees. `value`: what the nodes of a `tree_` add to a target."""
    trees = [convert_tree(member.tree_, value(member.tree_, k), k) for member in members for k in range(targets)]
    return tree_sums(trees, x, targets)
