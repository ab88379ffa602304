"""Baselines that predict the same for every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.dummy import DummyClassifier, DummyRegressor

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import Classification, Regression, register

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__ = ["repeated"]


def repeated(values: NDArray[Any], x: Columns) -> Var:
    """The 1-d `values` as each row of [n, k], or a 0-d one as [n]."""
    rows = op.gather(op.shape(x.scope.matrix.var), op.const(np.array([0])))
    shape = op.concat([rows, op.const(np.array([values.size]))], axis=0) if values.ndim else rows
    return op.expand(op.const(values), shape)


@register(DummyRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    constant = np.asarray(estimator.constant_, dtype=np.float64).ravel()
    return Regression(repeated(constant[0] if estimator.n_outputs_ == 1 else constant, x))


@register(DummyClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    if estimator.n_outputs_ != 1:
        raise NotCompilable("a classifier of several targets at once has no lowering; fit one a target")
    classes, prior = estimator.classes_, np.asarray(estimator.class_prior_, dtype=np.float64)
    match estimator.strategy:
        case "prior":
            label, shares = prior.argmax(), prior
        case "most_frequent":
            label = prior.argmax()
            shares = np.eye(len(classes))[label]
        case "constant":
            label = np.flatnonzero(classes == np.ravel(estimator.constant)[0])[0]
            shares = np.eye(len(classes))[label]
        case strategy:
            raise NotCompilable(f"strategy={strategy!r} answers at random")
    return Classification(classes, repeated(np.asarray(label, dtype=np.int64), x), repeated(shares, x))
