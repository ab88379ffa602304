"""Gaussian naive Bayes."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.naive_bayes import GaussianNB

from fasttrack.compiler.class_scores import argmax
from fasttrack.compiler.graph_matrix import as_matrix, take_column
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import Classification, register
from fasttrack.compiler.mathematics import row_sum

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(GaussianNB)
def _gaussian(estimator: Any, x: Columns) -> Classification:
    rows = as_matrix(validate_input(estimator, x))
    mean, variance = np.asarray(estimator.theta_, dtype=np.float64), estimator.var_
    terms = []
    for j in range(mean.shape[1]):
        deviation = op.sub(take_column(rows, j), op.const(mean[:, j]))
        terms.append(op.div(op.mul(deviation, deviation), op.const(variance[:, j])))
    distance = reduce(op.add, terms)  # column by column, in the order in which NumPy sums them
    with np.errstate(divide="ignore"):  # a class may have a prior of 0
        prior = np.log(estimator.class_prior_)
    normalization = -0.5 * np.array([np.sum(np.log(2.0 * np.pi * row)) for row in variance])
    joint = op.add(op.const(prior), op.sub(op.const(normalization), op.mul(op.const(0.5), distance)))
    return Classification(estimator.classes_, argmax(joint), _probabilities(joint))


def _probabilities(joint: Var) -> Var:
    """exp(x − log Σ exp(x)) in each row of the joint log-likelihoods.

    For a row far from all classes the logarithm is lost to rounding, as it is in scikit-learn.
    """
    axis = op.const(np.array([1]))
    largest = op.reduce_max(joint, axis)
    total = op.add(op.log(row_sum(op.exp(op.sub(joint, largest)))), largest)
    return op.exp(op.sub(joint, total))
