"""Feature selection: the columns that were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import feature_selection

from fasttrack.compiler.checks import note_refused
from fasttrack.compiler.lower import register

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
def _selected(selector: Any, x: Columns) -> Columns:
    numbers = x.of(x.numeric())
    note_refused(numbers, missing=bool(selector.__sklearn_tags__().input_tags.allow_nan))
    return numbers.select(np.flatnonzero(selector.get_support()))
