"""Searches, frozen estimators and moved thresholds: another estimator's answers, or labels made of its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # makes the next import possible
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import column, flat
from fasttrack.compiler.lower import Classification, lower, predicted, register

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns
    from fasttrack.compiler.lower import Lowered

__all__: list[str] = []


@register(GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV)
def _search(search: Any, x: Columns) -> Lowered:
    return lower(search.best_estimator_, x)


@register(FrozenEstimator)
def _frozen(frozen: Any, x: Columns) -> Lowered:
    return lower(frozen.estimator, x)


@register(FixedThresholdClassifier)
def _fixed(estimator: Any, x: Columns) -> Classification:
    return _moved(estimator, x, estimator.pos_label, estimator.threshold)


@register(TunedThresholdClassifierCV)
def _tuned(estimator: Any, x: Columns) -> Classification:
    return _moved(estimator, x, estimator._curve_scorer._get_pos_label(), estimator.best_threshold_)


def _moved(estimator: Any, x: Columns, pos_label: Any, threshold: float | str) -> Classification:
    """The positive label, by default the second, where its score reaches the threshold."""
    inner = getattr(estimator, "estimator_", estimator.estimator)  # prefit ones stay as they were given
    found = predicted(inner, x)
    if not isinstance(found, Classification):
        raise NotCompilable("it moves the threshold of a regressor")
    methods = estimator._get_response_method()
    methods = [methods] if isinstance(methods, str) else methods
    method = next(name for name in methods if hasattr(inner, name))
    positive = 1 if pos_label is None else int(np.flatnonzero(estimator.classes_ == pos_label)[0])
    scores = found.probabilities if method == "predict_proba" else found.decision
    if scores is None:
        raise NotCompilable(f"the {method} of {type(inner).__name__} has no lowering")
    if method == "predict_proba":
        score = flat(column(scores, positive))
    else:
        score = flat(scores) if positive == 1 else op.neg(flat(scores))
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    reached = op.greater_or_equal(score, op.const(float(threshold)))
    label = op.where(reached, op.const(np.int64(positive)), op.const(np.int64(1 - positive)))
    return Classification(estimator.classes_, label, found.probabilities, found.decision)
