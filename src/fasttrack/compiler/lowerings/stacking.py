"""Stacking: a model of what other models answer, and of the columns themselves if they are passed through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import StackingClassifier, StackingRegressor

from fasttrack.compiler.columns import Block, Columns, Number
from fasttrack.compiler.errors import NotCompilable, within
from fasttrack.compiler.labels import column
from fasttrack.compiler.lower import Classification, Regression, predicted, register

if TYPE_CHECKING:
    from spox import Var

__all__: list[str] = []


@register(StackingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    found = predicted(estimator.final_estimator_, _answers(estimator, x))
    if not isinstance(found, Regression):
        raise NotCompilable("its final estimator is a classifier, where a regressor was expected")
    return found


@register(StackingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    found = predicted(estimator.final_estimator_, _answers(estimator, x))
    if not isinstance(found, Classification):
        raise NotCompilable("its final estimator is a regressor, where a classifier was expected")
    return Classification(estimator.classes_, found.label, found.probabilities, found.decision)


def _answers(estimator: Any, x: Columns) -> Columns:
    features = []
    for member, method in zip(estimator.estimators_, estimator.stack_method_, strict=True):
        with within(type(member).__name__):
            var, width = _answer(predicted(member, x), method, len(getattr(estimator, "classes_", ())))
        block = Block(var, width)
        features += [Number(block, i) for i in range(width)]
    sparse = False
    if estimator.passthrough:
        sparse = x.sparse
        features = [*features, *x.of(x.numeric())]
    return x.of(features, sparse=sparse)


def _answer(found: Regression | Classification, method: str, classes: int) -> tuple[Var, int]:
    """float64[n, width] of what the member's `method` gives, and the width."""
    if isinstance(found, Regression):
        return _upright(found.values), 1
    if method == "predict":
        kind = found.classes.dtype.kind
        if kind not in "iufb":
            raise NotCompilable("its labels are text, which the final estimator would have to read")
        labels = op.gather(op.const(found.classes.astype(np.float64)), found.label)
        return _upright(labels), 1
    scores = found.probabilities if method == "predict_proba" else found.decision
    if scores is None:
        raise NotCompilable(f"its {method} has no lowering")
    if method == "predict_proba":
        # of two classes one share tells the other
        return (column(scores, 1), 1) if classes == 2 else (scores, len(found.classes))
    return scores, 1 if len(found.classes) == 2 else len(found.classes)


def _upright(values: Var) -> Var:
    shape = values.unwrap_tensor().shape
    if shape is not None and len(shape) > 1:
        raise NotCompilable("a member predicts several targets at once")
    return op.unsqueeze(values, op.const(np.array([1])))
