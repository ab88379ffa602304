"""Bagging: the mean of models that saw some of the rows, and some of the columns."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, flat
from fasttrack.compiler.lower import Classification, Regression, predicted, register
from fasttrack.compiler.lowerings.forests import as_tree, single_precision
from fasttrack.compiler.lowerings.voting import votes
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns
    from fasttrack.compiler.tree import Tree

__all__: list[str] = []


@register(BaggingRegressor)
def _regressor(bagging: Any, x: Columns) -> Regression:
    count = op.const(float(len(bagging.estimators_)))
    if _all_are(bagging, DecisionTreeRegressor, ExtraTreeRegressor) and bagging.estimators_[0].n_outputs_ == 1:
        sums = _trees(bagging, x, 1, lambda member, _: member.tree_.value[:, 0, 0])
        return Regression(op.div(flat(sums), count))
    values = []
    for member, columns in zip(bagging.estimators_, bagging.estimators_features_, strict=True):
        found = predicted(member, x.select(columns))
        if not isinstance(found, Regression):
            raise NotCompilable(f"{type(member).__name__} is a classifier, where a regressor was expected")
        values.append(found.values)
    return Regression(op.div(reduce(op.add, values), count))


@register(BaggingClassifier)
def _classifier(bagging: Any, x: Columns) -> Classification:
    classes = len(bagging.classes_)
    if _all_are(bagging, DecisionTreeClassifier, ExtraTreeClassifier):
        sums = _trees(bagging, x, classes, _share)
    else:
        members = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
        sums = reduce(op.add, [_shares(member, x.select(columns), classes) for member, columns in members])
    shares = op.div(sums, op.const(float(len(bagging.estimators_))))
    return Classification(bagging.classes_, argmax(shares), shares)


def _all_are(bagging: Any, *classes: type) -> bool:
    return all(type(member) in classes for member in bagging.estimators_)


def _share(member: Any, k: int) -> NDArray[np.float64]:
    """By node, the share of class number `k`."""
    value = member.tree_.value[:, 0, :]
    places = np.flatnonzero(member.classes_ == k)
    return value[:, places[0]] if len(places) else np.zeros(len(value))


def _trees(bagging: Any, x: Columns, targets: int, value: Callable[[Any, int], NDArray[np.float64]]) -> Var:
    """All members in one operator, as a forest whose trees number the columns each in its own way."""
    missing = all(member._support_missing_values(np.zeros((1, 1))) for member in bagging.estimators_)
    trees = [
        _renumbered(as_tree(member.tree_, value(member, k), k), np.asarray(columns))
        for member, columns in zip(bagging.estimators_, bagging.estimators_features_, strict=True)
        for k in range(targets)
    ]
    return tree_sums(trees, single_precision(x, missing=missing), targets)


def _renumbered(tree: Tree, columns: NDArray[np.intp]) -> Tree:
    return replace(tree, feature=np.where(tree.feature < 0, -1, columns[np.maximum(tree.feature, 0)]).astype(np.int64))


def _shares(member: Any, x: Columns, classes: int) -> Var:
    """float64[n, classes]: a member's probabilities in the places of all classes, or its vote if it has none."""
    found = predicted(member, x)
    if not isinstance(found, Classification):
        raise NotCompilable(f"{type(member).__name__} is a regressor, where a classifier was expected")
    if not hasattr(member, "predict_proba"):
        return votes(found, classes, 1.0)
    if found.probabilities is None:
        raise NotCompilable(f"the probabilities of {type(member).__name__} have no lowering")
    places = np.zeros((len(found.classes), classes))
    places[np.arange(len(found.classes)), found.classes.astype(np.intp)] = 1.0
    return op.matmul(found.probabilities, op.const(places))
