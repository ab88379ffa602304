"""Single trees and forests of scikit-learn: inputs as float32, thresholds as float64, trees added up in their order."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from fasttrack.compiler.checks import note_refused
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, flat
from fasttrack.compiler.lower import Classification, Regression, register
from fasttrack.compiler.tree import Tree
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__ = ["as_tree", "single_precision"]

_NODES_AT_ONCE = 500_000
"""Some 20 MB of them: 100,000 rows of a forest of 2.5 million nodes take half the time so."""


def single_precision(x: Columns, *, missing: bool) -> Columns:
    """The columns as the trees see them: rounded to float32. Notes rows that overflow, or miss a value."""
    x = x.each("float32")
    note_refused(x, missing=missing)
    return x


def as_tree(tree: Any, value: NDArray[np.float64], target: int = 0) -> Tree:
    """A fitted `tree_` whose leaves add `value` (float64, one a node) to output `target`."""
    return Tree(
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
    return Regression(_means([estimator], x))


@register(RandomForestRegressor, ExtraTreesRegressor)
def _forest_regressor(forest: Any, x: Columns) -> Regression:
    return Regression(_means(forest.estimators_, x))


@register(DecisionTreeClassifier, ExtraTreeClassifier)
def _tree_classifier(estimator: Any, x: Columns) -> Classification:
    return _votes(estimator, [estimator], x)


@register(RandomForestClassifier, ExtraTreesClassifier)
def _forest_classifier(forest: Any, x: Columns) -> Classification:
    return _votes(forest, forest.estimators_, x)


def _means(members: Sequence[Any], x: Columns) -> Var:
    first = members[0]
    x = _seen(members, x)
    each = [_sums(group, x, first.n_outputs_, lambda tree, k: tree.value[:, k, 0]) for group in _groups(members)]
    sums = reduce(op.add, each)
    means = sums if len(members) == 1 else op.div(sums, op.const(float(len(members))))
    return flat(means) if first.n_outputs_ == 1 else means


def _votes(estimator: Any, members: Sequence[Any], x: Columns) -> Classification:
    if estimator.n_outputs_ != 1:
        raise NotCompilable("a classifier of several targets at once has no lowering; fit one a target")
    # in one sum, as scikit-learn's: where two classes come out equal, the last bit decides
    sums = _sums(members, _seen(members, x), int(estimator.n_classes_), lambda tree, k: tree.value[:, 0, k])
    shares = sums if len(members) == 1 else op.div(sums, op.const(float(len(members))))
    return Classification(estimator.classes_, argmax(shares), shares)


def _groups(members: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The members, as many at a time as stay in the cache while onnxruntime walks all of them row by row."""
    start = nodes = 0
    for stop, member in enumerate(members):
        nodes += member.tree_.node_count
        if nodes > _NODES_AT_ONCE and stop > start:
            yield members[start:stop]
            start, nodes = stop, member.tree_.node_count
    yield members[start:]


def _seen(members: Sequence[Any], x: Columns) -> Columns:
    return single_precision(x, missing=all(member._support_missing_values(np.zeros((1, 1))) for member in members))


def _sums(members: Sequence[Any], x: Columns, targets: int, value: Any) -> Var:
    trees = [as_tree(member.tree_, value(member.tree_, k), k) for member in members for k in range(targets)]
    return tree_sums(trees, x, targets)
