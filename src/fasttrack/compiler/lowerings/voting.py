"""Voting: the weighted mean of several models' answers, or the label with most votes."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import VotingClassifier, VotingRegressor

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax
from fasttrack.compiler.lower import Classification, Regression, predicted, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__ = ["votes"]


@register(VotingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    values = []
    for member in estimator.estimators_:
        found = predicted(member, x)
        if not isinstance(found, Regression):
            raise NotCompilable(f"{type(member).__name__} is a classifier, where a regressor was expected")
        values.append(found.values)
    return Regression(_mean(values, estimator._weights_not_none))


@register(VotingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    found = [_member(member, x) for member in estimator.estimators_]
    weights = estimator._weights_not_none
    if estimator.voting == "hard":
        counts = [
            votes(one, len(estimator.classes_), weight)
            for one, weight in zip(found, weights or [1.0] * len(found), strict=True)
        ]
        return Classification(estimator.classes_, argmax(reduce(op.add, counts)))
    probabilities = [one.probabilities for one in found if one.probabilities is not None]
    if len(probabilities) < len(found):
        raise NotCompilable("the probabilities of a member have no lowering")
    mean = _mean(probabilities, weights)
    return Classification(estimator.classes_, argmax(mean), mean)


def votes(member: Classification, classes: int, weight: float, otherwise: float = 0.0) -> Var:
    """float64[n, classes]: `weight` at the label of each row, and `otherwise` elsewhere.

    `member` was fitted on the numbers of the classes, as ensembles fit theirs.
    """
    numbers = op.gather(op.const(np.asarray(member.classes, dtype=np.int64)), member.label)
    chosen = op.equal(op.unsqueeze(numbers, op.const(np.array([1]))), op.const(np.arange(classes)))
    return op.where(chosen, op.const(float(weight)), op.const(float(otherwise)))


def _member(member: Any, x: Columns) -> Classification:
    found = predicted(member, x)
    if not isinstance(found, Classification):
        raise NotCompilable(f"{type(member).__name__} is a regressor, where a classifier was expected")
    return found


def _mean(values: Sequence[Var], weights: Sequence[float] | None) -> Var:
    """As numpy.average: of weighted values, divided by the weights' sum."""
    if weights is None:
        return op.div(reduce(op.add, values), op.const(float(len(values))))
    weighted = [op.mul(value, op.const(float(weight))) for value, weight in zip(values, weights, strict=True)]
    return op.div(reduce(op.add, weighted), op.const(float(np.sum(np.asarray(weights, dtype=np.float64)))))
