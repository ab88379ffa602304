"""Rows scaled to a norm of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import Normalizer

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.lower import register
from fasttrack.compiler.mathematics import row_sum
from fasttrack.compiler.matrix import as_matrix

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(Normalizer)
def _normalizer(normalizer: Any, x: Columns) -> Columns:
    rows = as_matrix(accepted(normalizer, x))
    match normalizer.norm:
        case "l1":
            norm = row_sum(op.abs(rows))
        case "l2":
            norm = op.sqrt(row_sum(op.mul(rows, rows)))
        case _:
            norm = op.reduce_max(op.abs(rows), op.const(np.array([1])))
    # a row of zeros stays as it is; scikit-learn takes what is below ten times the rounding for zero
    least = op.const(10 * np.finfo(np.float64).eps if not x.sparse else 0.0)
    small = op.less(norm, least) if not x.sparse else op.equal(norm, least)
    return x.computed(op.div(rows, op.where(small, op.const(1.0), norm)), len(x))
