"""Bagging: the mean of members that were fitted on samples of the rows, and possibly of the columns."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from fasttrack.compiler.class_scores import argmax
from fasttrack.compiler.graph_matrix import squeeze_column
from fasttrack.compiler.lowering_registry import (
    Classification,
    Regression,
    lower_classifier,
    lower_regressor,
    register,
)
from fasttrack.compiler.lowerings.forests import convert_tree, round_to_float32
from fasttrack.compiler.lowerings.voting import weigh_votes
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns
    from fasttrack.compiler.decision_tree import DecisionTree

__all__: list[str] = []


@register(BaggingRegressor)
def _regressor(bagging: Any, x: Columns) -> Regression:
    count = op.const(float(len(bagging.estimators_)))
    if _all_members_are(bagging, DecisionTreeRegressor, ExtraTreeRegressor) and bagging.estimators_[0].n_outputs_ == 1:
        sums = _sum_trees(bagging, x, 1, lambda member, _: member.tree_.value[:, 0, 0])
        return Regression(op.div(squeeze_column(sums), count))
    members = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
    values = [lower_regressor(member, x.select(columns)).values for member, columns in members]
    return Regression(op.div(reduce(op.add, values), count))


@register(BaggingClassifier)
def _classifier(bagging: Any, x: Columns) -> Classification:
    classes = len(bagging.classes_)
    if _all_members_are(bagging, DecisionTreeClassifier, ExtraTreeClassifier):
        sums = _sum_trees(bagging, x, classes, _class_probability)
    else:
        members = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
        sums = reduce(op.add, [_member_scores(member, x.select(columns), classes) for member, columns in members])
    probabilities = op.div(sums, op.const(float(len(bagging.estimators_))))
    return Classification(bagging.classes_, argmax(probabilities), probabilities)


def _all_members_are(bagging: Any, *classes: type) -> bool:
    return all(type(member) in classes for member in bagging.estimators_)


def _class_probability(member: Any, k: int) -> NDArray[np.float64]:
    """The probability of class number `k` in each node of a tree, 0 if the tree did not see the class."""
    value = member.tree_.value[:, 0, :]
    indices = np.flatnonzero(member.classes_ == k)
    return value[:, indices[0]] if len(indices) else np.zeros(len(value))


def _sum_trees(bagging: Any, x: Columns, targets: int, value: Callable[[Any, int], NDArray[np.float64]]) -> Var:
    """float64[n, targets]: the sums over all members as one ensemble, whose trees select their own columns.

    `value`: what the nodes of a member add to a target.
    """
    allow_missing = all(member._support_missing_values(np.zeros((1, 1))) for member in bagging.estimators_)
    trees = [
        _renumber_features(convert_tree(member.tree_, value(member, k), k), np.asarray(columns))
        for member, columns in zip(bagging.estimators_, bagging.estimators_features_, strict=True)
        for k in range(targets)
    ]
    return tree_sums(trees, round_to_float32(x, allow_missing=allow_missing), targets)


def _renumber_features(tree: DecisionTree, columns: NDArray[np.intp]) -> DecisionTree:
    """The tree with feature `columns[i]` in place of feature i."""
    feature = np.where(tree.feature < 0, -1, columns[np.maximum(tree.feature, 0)])
    return replace(tree, feature=feature.astype(np.int64))


def _member_scores(member: Any, x: Columns, classes: int) -> Var:
    """float64[n, classes]: a member's probabilities, or its vote if it has no probabilities."""
    prediction = lower_classifier(member, x)
    if not hasattr(member, "predict_proba"):
        return weigh_votes(prediction, classes, 1.0)
    if prediction.probabilities is None:
        raise NotCompilable(f"the probabilities of {type(member).__name__} have no lowering")
    # the member's classes are indices into those of all members
    placement = np.zeros((len(prediction.classes), classes))
    placement[np.arange(len(prediction.classes)), prediction.classes.astype(np.intp)] = 1.0
    return op.matmul(prediction.probabilities, op.const(placement))
