"""Linear models: one matrix product, then a link function or the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn import linear_model
from sklearn.svm import LinearSVC, LinearSVR

from fasttrack.compiler.class_scores import argmax, binary_label, binary_probabilities, normalize_rows
from fasttrack.compiler.graph_matrix import matrix_product, squeeze_column
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import Classification, Regression, lower_predictor, register
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns
    from fasttrack.compiler.lowering_registry import Lowered

__all__: list[str] = []


def _linear_scores(estimator: Any, x: Columns) -> Var:
    """float64[n, m]: `x` times the coefficients, plus the intercepts."""
    x = validate_input(estimator, x)
    coefficients = estimator.coef_.toarray() if hasattr(estimator.coef_, "toarray") else estimator.coef_
    weights = np.atleast_2d(np.asarray(coefficients, dtype=np.float64)).T
    intercept = np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64))
    return op.add(matrix_product(x, weights), op.const(intercept))


@register(
    linear_model.ARDRegression,
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.HuberRegressor,
    linear_model.Lars,
    linear_model.LarsCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.LassoLars,
    linear_model.LassoLarsCV,
    linear_model.LassoLarsIC,
    linear_model.LinearRegression,
    linear_model.MultiTaskElasticNet,
    linear_model.MultiTaskElasticNetCV,
    linear_model.MultiTaskLasso,
    linear_model.MultiTaskLassoCV,
    linear_model.OrthogonalMatchingPursuit,
    linear_model.OrthogonalMatchingPursuitCV,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
    LinearSVR,
)
def _regressor(estimator: Any, x: Columns) -> Regression:
    values = _linear_scores(estimator, x)
    return Regression(squeeze_column(values) if estimator.coef_.ndim == 1 else values)


@register(linear_model.PoissonRegressor, linear_model.GammaRegressor, linear_model.TweedieRegressor)
def _generalized(estimator: Any, x: Columns) -> Regression:
    link = type(estimator._base_loss.link).__name__  # resolves link="auto"
    raw = squeeze_column(_linear_scores(estimator, x))
    match link:
        case "IdentityLink":
            return Regression(raw)
        case "LogLink":
            return Regression(op.exp(raw))
    raise NotCompilable(f"its link function {link} has no lowering")


@register(linear_model.RANSACRegressor)
def _ransac(estimator: Any, x: Columns) -> Lowered:
    return lower_predictor(estimator.estimator_, x)


@register(linear_model.LogisticRegression, linear_model.LogisticRegressionCV)
def _logistic(estimator: Any, x: Columns) -> Classification:
    raw = _linear_scores(estimator, x)
    if len(estimator.classes_) <= 2:  # a single score
        return Classification(estimator.classes_, binary_label(raw), binary_probabilities(expit(raw)), raw)
    return Classification(estimator.classes_, argmax(raw), softmax(raw), raw)


@register(
    linear_model.PassiveAggressiveClassifier,
    linear_model.Perceptron,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    LinearSVC,
)
def _margins(estimator: Any, x: Columns) -> Classification:
    raw = _linear_scores(estimator, x)
    binary = len(np.atleast_2d(estimator.coef_)) == 1
    return Classification(estimator.classes_, binary_label(raw) if binary else argmax(raw), None, raw)


@register(linear_model.SGDClassifier)
def _sgd(estimator: Any, x: Columns) -> Classification:
    raw = _linear_scores(estimator, x)
    binary = len(estimator.classes_) == 2
    label = binary_label(raw) if binary else argmax(raw)
    match estimator.loss:
        case "log_loss":
            probability = expit(raw)
        case "modified_huber":
            clipped = op.min([op.max([raw, op.const(-1.0)]), op.const(1.0)])
            probability = op.div(op.add(clipped, op.const(1.0)), op.const(2.0))
        case _:
            return Classification(estimator.classes_, label, None, raw)
    probabilities = binary_probabilities(probability) if binary else normalize_rows(probability)
    return Classification(estimator.classes_, label, probabilities, raw)
