"""PowerTransformer and Binarizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import Binarizer, PowerTransformer

from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.input_validation import refuse_rows, require_finite, validate_input
from fasttrack.compiler.lowering_registry import register

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__ = ["invert_power"]


@register(PowerTransformer)
def _power(transformer: Any, x: Columns) -> Columns:
    x = validate_input(transformer, x)
    if transformer.method == "box-cox":
        refuse_rows(x.state, op.less_or_equal(as_matrix(x), op.const(0.0)))
    x = x.each(transformer.method, transformer.lambdas_)
    if not transformer.standardize:
        return x
    scaler = transformer._scaler
    require_finite(x, allow_missing=True)
    return x.each("-", scaler.mean_).each("/", scaler.scale_)


def invert_power(transformer: Any, y: Columns) -> Columns:
    """`inverse_transform` of a PowerTransformer."""
    require_finite(y, allow_missing=True)
    if transformer.standardize:
        y = y.each("*", transformer._scaler.scale_).each("+", transformer._scaler.mean_)
    return y.each(f"inverse {transformer.method}", transformer.lambdas_)


@register(Binarizer)
def _binarizer(binarizer: Any, x: Columns) -> Columns:
    return validate_input(binarizer, x).each("above", binarizer.threshold)
