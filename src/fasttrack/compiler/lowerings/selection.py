"""Feature selection: a subset of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import feature_selection

from fasttrack.compiler.input_validation import accepts_missing, require_finite
from fasttrack.compiler.lowering_registry import register

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(
    feature_selection.GenericUnivariateSelect,
    feature_selection.RFE,
    feature_selection.RFECV,
    feature_selection.SelectFdr,
    feature_selection.SelectFpr,
    feature_selection.SelectFromModel,
    feature_selection.SelectFwe,
    feature_selection.SelectKBest,
    feature_selection.SelectPercentile,
    feature_selection.SequentialFeatureSelector,
    feature_selection.VarianceThreshold,
)
def _select(selector: Any, x: Columns) -> Columns:
    numbers = x.with_features(x.numeric_features())
    require_finite(numbers, allow_missing=accepts_missing(selector))
    return numbers.select(np.flatnonzero(selector.get_support()))
