"""DummyRegressor and DummyClassifier: the same prediction for every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.dummy import DummyClassifier, DummyRegressor

from fasttrack.compiler.lowering_registry import Classification, Regression, register
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__ = ["repeat_row"]


def repeat_row(values: NDArray[Any], x: Columns) -> Var:
    """[n, k]: the one-dimensional `values` for each row of `x`; [n] if `values` is a scalar array."""
    rows = op.gather(op.shape(x.state.matrix.var), op.const(np.array([0])))
    shape = op.concat([rows, op.const(np.array([values.size]))], axis=0) if values.ndim else rows
    return op.expand(op.const(values), shape)


@register(DummyRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    constant = np.asarray(estimator.constant_, dtype=np.float64).ravel()
    return Regression(repeat_row(constant[0] if estimator.n_outputs_ == 1 else constant, x))


@register(DummyClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    if estimator.n_outputs_ != 1:
        raise NotCompilable("a classifier with several targets has no lowering; fit one classifier for each target")
    classes, prior = estimator.classes_, np.asarray(estimator.class_prior_, dtype=np.float64)
    match estimator.strategy:
        case "prior":
            label, probabilities = prior.argmax(), prior
        case "most_frequent":
            label = prior.argmax()
            probabilities = np.eye(len(classes))[label]
        case "constant":
            label = np.flatnonzero(classes == np.ravel(estimator.constant)[0])[0]
            probabilities = np.eye(len(classes))[label]
        case strategy:
            raise NotCompilable(f"strategy={strategy!r} predicts at random")
    return Classification(classes, repeat_row(np.asarray(label, dtype=np.int64), x), repeat_row(probabilities, x))
