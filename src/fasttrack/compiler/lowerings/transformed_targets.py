"""TransformedTargetRegressor: a regressor's prediction, followed by the inverse of the target's transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

from fasttrack.compiler.graph_matrix import as_column, as_matrix, squeeze_column
from fasttrack.compiler.input_validation import require_finite
from fasttrack.compiler.lowering_registry import Regression, lower_regressor, register
from fasttrack.compiler.lowerings.function_transformers import elementwise_operation
from fasttrack.compiler.lowerings.power_transforms import invert_power
from fasttrack.compiler.lowerings.quantiles import invert_quantiles
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(TransformedTargetRegressor)
def _transformed_target(estimator: Any, x: Columns) -> Regression:
    prediction = lower_regressor(estimator.regressor_, x)
    shape = prediction.values.unwrap_tensor().shape
    if shape is None or len(shape) != 1:
        raise NotCompilable("it predicts several targets at once")
    values = _inverse_transform(estimator.transformer_, x.with_matrix(as_column(prediction.values), 1))
    return Regression(squeeze_column(as_matrix(values)))


def _inverse_transform(transformer: Any, y: Columns) -> Columns:
    """`inverse_transform` of a single column."""
    match transformer:
        case Pipeline():
            for _, step in reversed(transformer.steps):
                if step is not None and step != "passthrough":
                    y = _inverse_transform(step, y)
            return y
        case FunctionTransformer():
            if transformer.inv_kw_args:
                raise NotCompilable("inv_kw_args have no lowering")
            if transformer.validate:
                require_finite(y, allow_missing=False)
            return y if transformer.inverse_func is None else y.each(elementwise_operation(transformer.inverse_func))
        case StandardScaler():
            require_finite(y, allow_missing=True)
            y = y.each("*", transformer.scale_) if transformer.with_std else y
            return y.each("+", transformer.mean_) if transformer.with_mean else y
        case RobustScaler():
            require_finite(y, allow_missing=True)
            y = y.each("*", transformer.scale_) if transformer.with_scaling else y
            return y.each("+", transformer.center_) if transformer.with_centering else y
        case MinMaxScaler():
            require_finite(y, allow_missing=True)
            return y.each("-", transformer.min_).each("/", transformer.scale_)
        case PowerTransformer():
            return invert_power(transformer, y)
        case QuantileTransformer():
            return invert_quantiles(transformer, y)
        case MaxAbsScaler():
            require_finite(y, allow_missing=True)
            return y.each("*", transformer.scale_)
    raise NotCompilable(f"the inverse of {type(transformer).__name__} has no lowering")
