"""Elementwise transforms: powers that make columns normal, and thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import Binarizer, PowerTransformer

from fasttrack.compiler.checks import accepted, note_refused
from fasttrack.compiler.lower import register
from fasttrack.compiler.matrix import as_matrix

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__ = ["inverse_power"]


@register(PowerTransformer)
def _power(transformer: Any, x: Columns) -> Columns:
    x = accepted(transformer, x)
    if transformer.method == "box-cox":
        too_small = op.cast(op.less_or_equal(as_matrix(x), op.const(0.0)), to=np.float64)
        found = op.reduce_max(too_small, op.const(np.array([1])), keepdims=False)
        x.scope.guards.append(op.greater(found, op.const(0.0)))
    x = x.each(transformer.method, transformer.lambdas_)
    if not transformer.standardize:
        return x
    scaler = transformer._scaler
    note_refused(x, missing=True)
    return x.each("-", scaler.mean_).each("/", scaler.scale_)


def inverse_power(transformer: Any, y: Columns) -> Columns:
    """What `inverse_transform` of a PowerTransformer makes of `y`."""
    note_refused(y, missing=True)
    if transformer.standardize:
        y = y.each("*", transformer._scaler.scale_).each("+", transformer._scaler.mean_)
    return y.each(f"inverse {transformer.method}", transformer.lambdas_)


@register(Binarizer)
def _binarizer(binarizer: Any, x: Columns) -> Columns:
    return accepted(binarizer, x).each("above", binarizer.threshold)
