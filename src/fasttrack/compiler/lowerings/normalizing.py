"""Normalizer: rows scaled to a norm of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import Normalizer

from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.mathematics import row_sum

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(Normalizer)
def _normalizer(normalizer: Any, x: Columns) -> Columns:
    rows = as_matrix(validate_input(normalizer, x))
    match normalizer.norm:
        case "l1":
            norm = row_sum(op.abs(rows))
        case "l2":
            norm = op.sqrt(row_sum(op.mul(rows, rows)))
        case _:
            norm = op.reduce_max(op.abs(rows), op.const(np.array([1])))
    # rows of zeros are unchanged; in a dense matrix, scikit-learn treats norms below ten epsilons as zero
    smallest = op.const(10 * np.finfo(np.float64).eps if not x.sparse else 0.0)
    is_zero = op.less(norm, smallest) if not x.sparse else op.equal(norm, smallest)
    return x.with_matrix(op.div(rows, op.where(is_zero, op.const(1.0), norm)), len(x))
