"""SimpleImputer and MissingIndicator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.impute import MissingIndicator, SimpleImputer

from fasttrack.compiler.category_tables import tabulate
from fasttrack.compiler.columns import CodedColumn, DatetimeColumn, NumberColumn, TextInput
from fasttrack.compiler.elementwise import ElementwiseStep
from fasttrack.compiler.input_validation import refuse_cells, require_finite, require_present
from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.compiler.columns import Columns, Feature

__all__: list[str] = []


@register(SimpleImputer)
def _simple_imputer(imputer: Any, x: Columns) -> Columns:
    statistics = imputer.statistics_
    kept = [i for i, value in enumerate(statistics) if imputer.keep_empty_features or not _is_nan(value)]
    indicated = imputer.indicator_.features_.tolist() if imputer.add_indicator else []
    if x.is_float32():  # the imputed values are float32, too
        statistics = np.asarray(statistics, dtype=np.float32)
    _check_missing_values(imputer, x)
    tables = _tabulate_if_coded(imputer, x, [*kept, *indicated])
    features: list[Feature] = [
        table or _fill_missing(x.features[i], imputer.missing_values, statistics[i])
        for i, table in zip(kept, tables, strict=False)
    ]
    features += [
        table or _indicate_missing(x.features[i], imputer.missing_values)
        for i, table in zip(indicated, tables[len(kept) :], strict=True)
    ]
    return x.with_features(features)


@register(MissingIndicator)
def _missing_indicator(indicator: Any, x: Columns) -> Columns:
    _check_missing_values(indicator, x)
    indicated = indicator.features_.tolist()
    if indicator.features == "missing-only" and indicator.error_on_new:
        for i in set(range(len(x))) - set(indicated):
            _refuse_missing(x, x.features[i])
    skipped = None
    if any(isinstance(feature, CodedColumn) for feature in x):
        # missing cells of the other columns would raise
        skipped = [_missing_cells(feature) & (i not in indicated) for i, feature in enumerate(x)]
    tables = _tabulate_if_coded(indicator, x, indicated, skipped)
    return x.with_features(
        table or _indicate_missing(x.features[i], indicator.missing_values)
        for i, table in zip(indicated, tables, strict=True)
    )


def _tabulate_if_coded(
    transformer: Any, x: Columns, owners: Sequence[int], skipped: Any = None
) -> Sequence[CodedColumn | None]:
    """As `tabulate`; `None` for every output if `x` has no CodedColumn."""
    if not any(isinstance(feature, CodedColumn) for feature in x):
        return [None] * len(owners)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a column without any value is left out
        return tabulate(transformer, x, owners, skipped=skipped)


def _check_missing_values(transformer: Any, x: Columns) -> None:
    """Raise NotCompilable if the graph could not distinguish `missing_values` from other values."""
    missing = transformer.missing_values
    numbers = x.with_features(feature for feature in x if isinstance(feature, NumberColumn))
    require_finite(numbers, allow_missing=_is_nan(missing))
    if isinstance(missing, str):
        for feature in x:
            if not isinstance(feature, CodedColumn) or missing not in np.asarray(feature.cells, dtype=object).tolist():
                raise NotCompilable(f"missing_values={missing!r} is not a category of each of its columns")


def _fill_missing(feature: Feature, missing: Any, value: Any) -> Feature:
    column = _require_no_datetime(feature)
    if _is_nan(missing):
        return column.apply(ElementwiseStep("fill", (float(value),)))
    return column.apply(ElementwiseStep("replace", (float(missing), float(value))))


def _indicate_missing(feature: Feature, missing: Any) -> Feature:
    column = _require_no_datetime(feature)
    if _is_nan(missing):
        return column.apply(ElementwiseStep("indicator", (0.0, 1.0)))
    return column.apply(ElementwiseStep("equals", (float(missing),)))


def _require_no_datetime(feature: Feature) -> NumberColumn | CodedColumn:
    if isinstance(feature, DatetimeColumn):
        raise NotCompilable("its input is a date and time; extract calendar features first")
    if isinstance(feature, TextInput):
        raise NotCompilable("its input is free text, in which a missing value has no number")
    return feature


def _refuse_missing(x: Columns, feature: Feature) -> None:
    if isinstance(feature, CodedColumn):
        refuse_cells(x.state, feature, _missing_cells(feature))
    elif feature.origin is None:
        raise NotCompilable("error_on_new=True for a column that is computed from several input columns")
    else:
        require_present(x.state, feature.origin)


def _missing_cells(feature: Feature) -> Any:
    """Which cells are missing; of a column without cells, that none is."""
    cells = feature.cells if isinstance(feature, CodedColumn) else np.zeros(1)
    return np.asarray(pd.isna(cells))


def _is_nan(value: Any) -> bool:
    return value is None or value != value
