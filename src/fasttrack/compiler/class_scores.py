"""From a classifier's scores to labels and probabilities, as scikit-learn's `predict` and `predict_proba` do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.graph_matrix import squeeze_column
from fasttrack.compiler.mathematics import row_sum

if TYPE_CHECKING:
    from spox import Var

__all__ = ["argmax", "binary_label", "binary_probabilities", "normalize_rows"]


def argmax(scores: Var) -> Var:
    """int64[n]: the index of the first largest score in each row of float64[n, c]."""
    return op.arg_max(scores, axis=1, keepdims=False)


def binary_label(score: Var) -> Var:
    """int64[n]: 1 where the score, float64[n, 1], is positive, else 0."""
    return op.cast(op.greater(squeeze_column(score), op.const(0.0)), to=np.int64)


def binary_probabilities(second: Var) -> Var:
    """float64[n, 2]: 1 − p and p, from the probability p of the second class, float64[n, 1]."""
    return op.concat([op.sub(op.const(1.0), second), second], axis=1)


def normalize_rows(scores: Var) -> Var:
    """Each row of float64[n, c] divided by its sum. A row of zeros becomes 1/c everywhere."""
    total = row_sum(scores)
    zero = op.equal(total, op.const(0.0))
    return op.where(
        zero,
        op.div(op.const(1.0), op.cast(op.gather(op.shape(scores), op.const(np.array([1]))), to=np.float64)),
        op.div(scores, op.where(zero, op.const(1.0), total)),
    )
