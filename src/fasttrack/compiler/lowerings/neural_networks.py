"""Multi-layer perceptrons: a matrix product, intercepts and an activation for each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.neural_network import MLPClassifier, MLPRegressor

from fasttrack.compiler.class_scores import argmax, binary_probabilities
from fasttrack.compiler.graph_matrix import matrix_product, squeeze_column
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import Classification, Regression, register
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from collections.abc import Callable

    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []

_ACTIVATIONS: dict[str, Callable[[Var], Var]] = {
    "identity": lambda x: x,
    "logistic": expit,
    "tanh": op.tanh,
    "relu": lambda x: op.max([x, op.const(0.0)]),
    "softmax": softmax,
    "exp": op.exp,
}


@register(MLPRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    values = _forward(estimator, x)
    return Regression(squeeze_column(values) if estimator.n_outputs_ == 1 else values)


@register(MLPClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    if estimator._label_binarizer.y_type_.startswith("multilabel"):
        raise NotCompilable("it predicts several labels at once; a model has a single target")
    probabilities = _forward(estimator, x)
    if estimator.n_outputs_ == 1:
        label = op.cast(op.greater(squeeze_column(probabilities), op.const(0.5)), to=np.int64)
        return Classification(estimator.classes_, label, binary_probabilities(probabilities))
    return Classification(estimator.classes_, argmax(probabilities), probabilities)


def _forward(estimator: Any, x: Columns) -> Var:
    """The output of the last layer, float64[n, k]."""
    x = validate_input(estimator, x)
    first, *others = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    names = [estimator.activation] * len(others) + [estimator.out_activation_]
    unknown = set(names) - _ACTIVATIONS.keys()
    if unknown:
        raise NotCompilable(f"its activation {unknown.pop()!r} has no lowering")
    layer = op.add(matrix_product(x, first[0]), op.const(np.asarray(first[1], dtype=np.float64)))
    for name, (weights, intercept) in zip(names, others, strict=False):
        layer = op.matmul(_ACTIVATIONS[name](layer), op.const(np.asarray(weights, dtype=np.float64)))
        layer = op.add(layer, op.const(np.asarray(intercept, dtype=np.float64)))
    return _ACTIVATIONS[names[-1]](layer)
