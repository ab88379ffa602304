"""Naive Bayes with normal distributions."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.naive_bayes import GaussianNB

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.labels import argmax, column
from fasttrack.compiler.lower import Classification, register
from fasttrack.compiler.mathematics import row_sum
from fasttrack.compiler.matrix import as_matrix

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(GaussianNB)
def _gaussian(estimator: Any, x: Columns) -> Classification:
    rows = as_matrix(accepted(estimator, x))
    mean, variance = np.asarray(estimator.theta_, dtype=np.float64), estimator.var_
    shares = []
    for j in range(mean.shape[1]):
        apart = op.sub(column(rows, j), op.const(mean[:, j]))
        shares.append(op.div(op.mul(apart, apart), op.const(variance[:, j])))
    distance = reduce(op.add, shares)  # one column after the other, as NumPy adds up the columns of a table
    with np.errstate(divide="ignore"):  # a class may have no weight at all
        prior = np.log(estimator.class_prior_)
    normal = -0.5 * np.array([np.sum(np.log(2.0 * np.pi * row)) for row in variance])
    joint = op.add(op.const(prior), op.sub(op.const(normal), op.mul(op.const(0.5), distance)))
    return Classification(estimator.classes_, argmax(joint), _shares(joint))


def _shares(joint: Var) -> Var:
    """exp(x − log Σ exp(x)) along the rows; far from all classes the logarithm is lost in x, as in scikit-learn."""
    axis = op.const(np.array([1]))
    largest = op.reduce_max(joint, axis)
    total = op.add(op.log(row_sum(op.exp(op.sub(joint, largest)))), largest)
    return op.exp(op.sub(joint, total))
