"""Voting: the weighted mean of the members' predictions, or the label with the most votes."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import VotingClassifier, VotingRegressor

from fasttrack.compiler.class_scores import argmax
from fasttrack.compiler.graph_matrix import as_column
from fasttrack.compiler.lowering_registry import (
    Classification,
    Regression,
    lower_classifier,
    lower_regressor,
    register,
)
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__ = ["weigh_votes"]


@register(VotingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    values = [lower_regressor(member, x).values for member in estimator.estimators_]
    return Regression(_weighted_mean(values, estimator._weights_not_none))


@register(VotingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    predictions = [lower_classifier(member, x) for member in estimator.estimators_]
    weights = estimator._weights_not_none
    if estimator.voting == "hard":
        votes = [
            weigh_votes(prediction, len(estimator.classes_), weight)
            for prediction, weight in zip(predictions, weights or [1.0] * len(predictions), strict=True)
        ]
        return Classification(estimator.classes_, argmax(reduce(op.add, votes)))
    probabilities = [prediction.probabilities for prediction in predictions if prediction.probabilities is not None]
    if len(probabilities) < len(predictions):
        raise NotCompilable("the probabilities of a member have no lowering")
    mean = _weighted_mean(probabilities, weights)
    return Classification(estimator.classes_, argmax(mean), mean)


def weigh_votes(member: Classification, classes: int, weight: float, other_weight: float = 0.0) -> Var:
    """float64[n, classes]: `weight` at each row's label, and `other_weight` at the other classes.

    The member's classes must be class indices, as they are where an ensemble encodes the labels.
    """
    indices = op.gather(op.const(np.asarray(member.classes, dtype=np.int64)), member.label)
    is_label = op.equal(as_column(indices), op.const(np.arange(classes)))
    return op.where(is_label, op.const(float(weight)), op.const(float(other_weight)))


def _weighted_mean(values: Sequence[Var], weights: Sequence[float] | None) -> Var:
    """As `numpy.average` computes it: the sum of the weighted values divided by the sum of the weights."""
    if weights is None:
        return op.div(reduce(op.add, values), op.const(float(len(values))))
    weighted = [op.mul(value, op.const(float(weight))) for value, weight in zip(values, weights, strict=True)]
    return op.div(reduce(op.add, weighted), op.const(float(np.sum(np.asarray(weights, dtype=np.float64)))))
