"""Gradient boosting of single trees: the first guess, then every tree's share, in scikit-learn's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, both, column, flat
from fasttrack.compiler.lower import Classification, Regression, predicted, register
from fasttrack.compiler.lowerings.forests import as_tree, single_precision
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.tree import Tree
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []

_TREES = (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
"""What computes alike in float32 and float64."""

_LEAST = float(np.finfo(np.float64).eps)


@register(GradientBoostingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    link = type(estimator._loss.link).__name__
    if link != "IdentityLink":
        raise NotCompilable(f"the link function {link} of loss={estimator.loss!r} has no lowering")
    return Regression(flat(_raw(estimator, x)))


@register(GradientBoostingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    raw = _raw(estimator, x)
    if estimator.n_trees_per_iteration_ > 1:
        return Classification(estimator.classes_, argmax(raw), softmax(raw), raw)
    label = op.cast(op.greater_or_equal(flat(raw), op.const(0.0)), to=np.int64)
    # the exponential loss has half the logit for its score
    share = expit(op.mul(op.const(2.0), raw) if estimator.loss == "exponential" else raw)
    return Classification(estimator.classes_, label, both(share), raw)


def _raw(estimator: Any, x: Columns) -> Var:
    """float64[n, k]: the first guess, then the trees one after the other."""
    k, rate = estimator.n_trees_per_iteration_, estimator.learning_rate
    rounded = single_precision(x, missing=False)
    trees = [
        as_tree(tree.tree_, rate * tree.tree_.value[:, 0, 0], j)
        for row in estimator.estimators_
        for j, tree in enumerate(row)
    ]
    constant = _constant(estimator, k)
    if constant is not None:
        return tree_sums([*(Tree.constant(float(value), j) for j, value in enumerate(constant)), *trees], rounded, k)
    # the order of additions differs in the last bits from adding each tree to the guess
    return op.add(_guess(estimator, rounded), tree_sums(trees, rounded, k))


def _constant(estimator: Any, k: int) -> NDArray[np.float64] | None:
    """The first guess where it is the same for every row."""
    init = estimator.init_
    if isinstance(init, str):  # "zero"
        return np.zeros(k)
    if type(init) not in (DummyClassifier, DummyRegressor) or getattr(init, "strategy", "") in (
        "uniform",
        "stratified",
    ):
        return None
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    guess: NDArray[np.float64] = np.asarray(estimator._raw_predict_init(row), dtype=np.float64)
    return guess.reshape(k)


def _guess(estimator: Any, x: Columns) -> Var:
    """The link of what the estimator given as `init` answers."""
    if type(estimator.init_) not in _TREES:
        raise NotCompilable("its init estimator computes in float32, as gradient boosting gives it the columns")
    found = predicted(estimator.init_, x)
    if isinstance(found, Regression):
        return op.unsqueeze(found.values, op.const(np.array([1])))
    shares = found.probabilities
    if shares is None:
        raise NotCompilable("the probabilities of its init estimator have no lowering")
    one, least = op.const(1.0), op.const(_LEAST)
    if estimator.n_trees_per_iteration_ > 1:
        logs = op.log(op.min([op.max([shares, least]), op.const(1.0 - _LEAST)]))
        return op.sub(logs, op.reduce_mean(logs, op.const(np.array([1]))))
    share = op.min([op.max([column(shares, 1), least]), op.const(1.0 - _LEAST)])
    logit = op.log(op.div(share, op.sub(one, share)))
    return op.mul(op.const(0.5), logit) if estimator.loss == "exponential" else logit
