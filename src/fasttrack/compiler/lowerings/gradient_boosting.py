"""GradientBoostingRegressor and GradientBoostingClassifier: an initial prediction, then every tree in order."""

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

from fasttrack.compiler.class_scores import argmax, binary_probabilities
from fasttrack.compiler.decision_tree import DecisionTree
from fasttrack.compiler.graph_matrix import as_column, squeeze_column, take_column
from fasttrack.compiler.lowering_registry import Classification, Regression, lower_predictor, register
from fasttrack.compiler.lowerings.forests import convert_tree, round_to_float32
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []

_SAME_IN_FLOAT32 = (
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
"""Initial estimators that predict the same for float32 and float64 inputs."""

_EPSILON = float(np.finfo(np.float64).eps)
"""scikit-learn clips the initial probabilities to at least this."""


@register(GradientBoostingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    link = type(estimator._loss.link).__name__
    if link != "IdentityLink":
        raise NotCompilable(f"the link function {link} of loss={estimator.loss!r} has no lowering")
    return Regression(squeeze_column(_raw_predictions(estimator, x)))


@register(GradientBoostingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    raw = _raw_predictions(estimator, x)
    if estimator.n_trees_per_iteration_ > 1:
        return Classification(estimator.classes_, argmax(raw), softmax(raw), raw)
    label = op.cast(op.greater_or_equal(squeeze_column(raw), op.const(0.0)), to=np.int64)
    # with the exponential loss, the raw prediction is half of the logit
    probability = expit(op.mul(op.const(2.0), raw) if estimator.loss == "exponential" else raw)
    return Classification(estimator.classes_, label, binary_probabilities(probability), raw)


def _raw_predictions(estimator: Any, x: Columns) -> Var:
    """float64[n, k]: the initial prediction plus every tree, added in order."""
    k, rate = estimator.n_trees_per_iteration_, estimator.learning_rate
    inputs = round_to_float32(x, allow_missing=False)
    trees = [
        convert_tree(tree.tree_, rate * tree.tree_.value[:, 0, 0], j)
        for iteration in estimator.estimators_
        for j, tree in enumerate(iteration)
    ]
    constant = _constant_init(estimator, k)
    if constant is not None:
        leaves = [DecisionTree.constant(float(value), j) for j, value in enumerate(constant)]
        return tree_sums([*leaves, *trees], inputs, k)
    # scikit-learn adds each tree to the initial prediction; this order differs from it in the last bits
    return op.add(_estimator_init(estimator, inputs), tree_sums(trees, inputs, k))


def _constant_init(estimator: Any, k: int) -> NDArray[np.float64] | None:
    """float64[k]: the initial prediction if it is the same for every row."""
    init = estimator.init_
    if isinstance(init, str):  # "zero"
        return np.zeros(k)
    random = getattr(init, "strategy", "") in ("uniform", "stratified")
    if type(init) not in (DummyClassifier, DummyRegressor) or random:
        return None
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    prediction: NDArray[np.float64] = np.asarray(estimator._raw_predict_init(row), dtype=np.float64)
    return prediction.reshape(k)


def _estimator_init(estimator: Any, x: Columns) -> Var:
    """float64[n, k]: the initial estimator's prediction, on the scale of the raw predictions."""
    if type(estimator.init_) not in _SAME_IN_FLOAT32:
        raise NotCompilable("its init estimator computes in float32, because gradient boosting passes float32 columns")
    prediction = lower_predictor(estimator.init_, x)
    if isinstance(prediction, Regression):
        return as_column(prediction.values)
    probabilities = prediction.probabilities
    if probabilities is None:
        raise NotCompilable("the probabilities of its init estimator have no lowering")
    one, epsilon = op.const(1.0), op.const(_EPSILON)
    if estimator.n_trees_per_iteration_ > 1:
        logs = op.log(op.min([op.max([probabilities, epsilon]), op.const(1.0 - _EPSILON)]))
        return op.sub(logs, op.reduce_mean(logs, op.const(np.array([1]))))
    probability = op.min([op.max([take_column(probabilities, 1), epsilon]), op.const(1.0 - _EPSILON)])
    logit = op.log(op.div(probability, op.sub(one, probability)))
    return op.mul(op.const(0.5), logit) if estimator.loss == "exponential" else logit
