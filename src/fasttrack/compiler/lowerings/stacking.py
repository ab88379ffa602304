"""Stacking: a final estimator on the members' predictions, and on the columns themselves with `passthrough`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import StackingClassifier, StackingRegressor

from fasttrack.compiler.columns import Block, Columns, NumberColumn
from fasttrack.compiler.graph_matrix import as_column, take_column
from fasttrack.compiler.lowering_registry import (
    Classification,
    Regression,
    lower_classifier,
    lower_predictor,
    lower_regressor,
    register,
)
from fasttrack.compiler.not_compilable import NotCompilable, error_context

if TYPE_CHECKING:
    from spox import Var

__all__: list[str] = []


@register(StackingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    return lower_regressor(estimator.final_estimator_, _final_inputs(estimator, x))


@register(StackingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    final = lower_classifier(estimator.final_estimator_, _final_inputs(estimator, x))
    return Classification(estimator.classes_, final.label, final.probabilities, final.decision)


def _final_inputs(estimator: Any, x: Columns) -> Columns:
    """The input columns of the final estimator."""
    features = []
    classes = len(getattr(estimator, "classes_", ()))
    for member, method in zip(estimator.estimators_, estimator.stack_method_, strict=True):
        with error_context(type(member).__name__):
            var, width = _member_output(lower_predictor(member, x), method, classes)
        block = Block(var, width)
        features += [NumberColumn(block, i) for i in range(width)]
    sparse = False
    if estimator.passthrough:
        sparse = x.sparse
        features = [*features, *x.with_features(x.numeric_features())]
    return x.with_features(features, sparse=sparse)


def _member_output(prediction: Regression | Classification, method: str, classes: int) -> tuple[Var, int]:
    """The result of the member's `method`, float64[n, width], and the width."""
    if isinstance(prediction, Regression):
        return _single_target(prediction.values), 1
    if method == "predict":
        if prediction.classes.dtype.kind not in "iufb":
            raise NotCompilable("its labels are text, which the final estimator cannot use")
        labels = op.gather(op.const(prediction.classes.astype(np.float64)), prediction.label)
        return _single_target(labels), 1
    scores = prediction.probabilities if method == "predict_proba" else prediction.decision
    if scores is None:
        raise NotCompilable(f"its {method} has no lowering")
    if method == "predict_proba":
        # for two classes, scikit-learn drops the redundant first column
        return (take_column(scores, 1), 1) if classes == 2 else (scores, len(prediction.classes))
    return scores, 1 if len(prediction.classes) == 2 else len(prediction.classes)


def _single_target(values: Var) -> Var:
    """float64[n, 1] from float64[n]."""
    shape = values.unwrap_tensor().shape
    if shape is not None and len(shape) > 1:
        raise NotCompilable("a member predicts several targets at once")
    return as_column(values)
