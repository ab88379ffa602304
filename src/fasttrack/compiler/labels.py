"""From scores to labels, as scikit-learn's predict does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.mathematics import row_sum

if TYPE_CHECKING:
    from spox import Var

__all__ = ["argmax", "both", "column", "flat", "normalized", "positive"]


def argmax(scores: Var) -> Var:
    """int64[n]: the first of the largest in each row of float64[n, c]."""
    return op.arg_max(scores, axis=1, keepdims=False)


def positive(score: Var) -> Var:
    """int64[n]: 1 where a float64[n, 1] is above 0."""
    return op.cast(op.greater(flat(score), op.const(0.0)), to=np.int64)


def both(second: Var) -> Var:
    """float64[n, 2]: the probabilities 1 − p and p, from float64[n, 1]."""
    return op.concat([op.sub(op.const(1.0), second), second], axis=1)


def flat(values: Var) -> Var:
    """float64[n] from float64[n, 1]."""
    return op.squeeze(values, op.const(np.array([1])))


def column(values: Var, index: int) -> Var:
    """float64[n, 1]: one column of float64[n, c]."""
    return op.gather(values, op.const(np.array([index])), axis=1)


def normalized(shares: Var) -> Var:
    """Each row of float64[n, c] divided by its sum; where all are 0, all alike."""
    total = row_sum(shares)
    zero = op.equal(total, op.const(0.0))
    return op.where(
        zero,
        op.div(op.const(1.0), op.cast(op.gather(op.shape(shares), op.const(np.array([1]))), to=np.float64)),
        op.div(shares, op.where(zero, op.const(1.0), total)),
    )
