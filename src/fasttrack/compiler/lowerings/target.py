"""Transformed targets: what the regressor predicts, taken back through the inverse of the transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from fasttrack.compiler.checks import note_refused
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import flat
from fasttrack.compiler.lower import Regression, predicted, register
from fasttrack.compiler.lowerings.functions import operation_of
from fasttrack.compiler.lowerings.power import inverse_power
from fasttrack.compiler.lowerings.quantiles import inverse_quantile
from fasttrack.compiler.matrix import as_matrix

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(TransformedTargetRegressor)
def _transformed_target(estimator: Any, x: Columns) -> Regression:
    found = predicted(estimator.regressor_, x)
    if not isinstance(found, Regression):
        raise NotCompilable("its regressor is a classifier")
    shape = found.values.unwrap_tensor().shape
    if shape is None or len(shape) != 1:
        raise NotCompilable("it predicts several targets at once")
    values = x.computed(op.unsqueeze(found.values, op.const(np.array([1]))), 1)
    values = _inverse(estimator.transformer_, values)
    return Regression(flat(as_matrix(values)))


def _inverse(transformer: Any, y: Columns) -> Columns:
    """What `inverse_transform` makes of a single column."""
    match transformer:
        case Pipeline():
            for _, step in reversed(transformer.steps):
                if step is not None and step != "passthrough":
                    y = _inverse(step, y)
            return y
        case FunctionTransformer():
            if transformer.inv_kw_args:
                raise NotCompilable("arguments of its inverse function have no lowering")
            if transformer.validate:
                note_refused(y, missing=False)
            return y if transformer.inverse_func is None else y.each(operation_of(transformer.inverse_func))
        case StandardScaler():
            note_refused(y, missing=True)
            y = y.each("*", transformer.scale_) if transformer.with_std else y
            return y.each("+", transformer.mean_) if transformer.with_mean else y
        case RobustScaler():
            note_refused(y, missing=True)
            y = y.each("*", transformer.scale_) if transformer.with_scaling else y
            return y.each("+", transformer.center_) if transformer.with_centering else y
        case MinMaxScaler():
            note_refused(y, missing=True)
            return y.each("-", transformer.min_).each("/", transformer.scale_)
        case PowerTransformer():
            return inverse_power(transformer, y)
        case QuantileTransformer():
            return inverse_quantile(transformer, y)
        case MaxAbsScaler():
            note_refused(y, missing=True)
            return y.each("*", transformer.scale_)
    raise NotCompilable(f"the inverse of {type(transformer).__name__} has no lowering")
