"""Estimators that wrap another one: hyperparameter searches, frozen estimators and decision thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # enables the next import
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)

from fasttrack.compiler.graph_matrix import squeeze_column, take_column
from fasttrack.compiler.lowering_registry import Classification, lower, lower_classifier, register
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns
    from fasttrack.compiler.lowering_registry import Lowered

__all__: list[str] = []


@register(GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV)
def _search(search: Any, x: Columns) -> Lowered:
    return lower(search.best_estimator_, x)


@register(FrozenEstimator)
def _frozen(frozen: Any, x: Columns) -> Lowered:
    return lower(frozen.estimator, x)


@register(FixedThresholdClassifier)
def _fixed_threshold(estimator: Any, x: Columns) -> Classification:
    return _apply_threshold(estimator, x, estimator.pos_label, estimator.threshold)


@register(TunedThresholdClassifierCV)
def _tuned_threshold(estimator: Any, x: Columns) -> Classification:
    return _apply_threshold(estimator, x, estimator._curve_scorer._get_pos_label(), estimator.best_threshold_)


def _apply_threshold(estimator: Any, x: Columns, pos_label: Any, threshold: float | str) -> Classification:
    """Predict the positive label, by default the second, where its score reaches the threshold."""
    inner = getattr(estimator, "estimator_", estimator.estimator)  # a prefit estimator is not copied
    prediction = lower_classifier(inner, x)
    methods = estimator._get_response_method()
    methods = [methods] if isinstance(methods, str) else methods
    method = next(name for name in methods if hasattr(inner, name))
    positive = 1 if pos_label is None else int(np.flatnonzero(estimator.classes_ == pos_label)[0])
    scores = prediction.probabilities if method == "predict_proba" else prediction.decision
    if scores is None:
        raise NotCompilable(f"the {method} of {type(inner).__name__} has no lowering")
    if method == "predict_proba":
        score = squeeze_column(take_column(scores, positive))
    else:
        score = squeeze_column(scores) if positive == 1 else op.neg(squeeze_column(scores))
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    reached = op.greater_or_equal(score, op.const(float(threshold)))
    label = op.where(reached, op.const(np.int64(positive)), op.const(np.int64(1 - positive)))
    return Classification(estimator.classes_, label, prediction.probabilities, prediction.decision)
