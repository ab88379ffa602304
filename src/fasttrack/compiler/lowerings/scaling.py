"""Scalers: a few elementwise steps on every column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import register

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


def _divide(x: Columns, scale: NDArray[np.float64]) -> Columns:
    """Each column divided by its scale. For a sparse matrix, scikit-learn multiplies by the reciprocal."""
    return x.each("*", 1 / scale) if x.sparse else x.each("/", scale)


@register(StandardScaler)
def _standard(scaler: Any, x: Columns) -> Columns:
    x = validate_input(scaler, x)
    if scaler.with_mean:
        x = x.each("-", scaler.mean_)
    return _divide(x, scaler.scale_) if scaler.with_std else x


@register(RobustScaler)
def _robust(scaler: Any, x: Columns) -> Columns:
    x = validate_input(scaler, x)
    if scaler.with_centering:
        x = x.each("-", scaler.center_)
    return _divide(x, scaler.scale_) if scaler.with_scaling else x


@register(MinMaxScaler)
def _min_max(scaler: Any, x: Columns) -> Columns:
    x = validate_input(scaler, x).each("*", scaler.scale_).each("+", scaler.min_)
    return x.each("clip", *scaler.feature_range) if scaler.clip else x


@register(MaxAbsScaler)
def _max_abs(scaler: Any, x: Columns) -> Columns:
    x = _divide(validate_input(scaler, x), scaler.scale_)
    return x.each("clip", -1.0, 1.0) if getattr(scaler, "clip", False) else x
