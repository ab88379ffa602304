"""Missing values: filled in, and told."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.impute import MissingIndicator, SimpleImputer

from fasttrack.compiler.checks import note_refused, refuse, require
from fasttrack.compiler.columns import Moment, Number, Table
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import register
from fasttrack.compiler.steps import Step
from fasttrack.compiler.tabulate import tabulated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.compiler.columns import Columns, Feature

__all__: list[str] = []


@register(SimpleImputer)
def _simple_imputer(imputer: Any, x: Columns) -> Columns:
    kept = [i for i, value in enumerate(imputer.statistics_) if imputer.keep_empty_features or not _is_nan(value)]
    indicated = imputer.indicator_.features_.tolist() if imputer.add_indicator else []
    filled = imputer.statistics_
    if x.single():  # what is filled in is float32, too
        filled = np.asarray(filled, dtype=np.float32)
    _check(imputer, x)
    tables = _tables(imputer, x, [*kept, *indicated])
    features: list[Feature] = [
        table or _fill(x.features[i], imputer.missing_values, filled[i]) for i, table in zip(kept, tables, strict=False)
    ]
    features += [
        table or _indicator(x.features[i], imputer.missing_values)
        for i, table in zip(indicated, tables[len(kept) :], strict=True)
    ]
    return x.of(features)


@register(MissingIndicator)
def _missing_indicator(indicator: Any, x: Columns) -> Columns:
    _check(indicator, x)
    told = indicator.features_.tolist()
    if indicator.features == "missing-only" and indicator.error_on_new:
        for i in set(range(len(x))) - set(told):
            _refuse_missing(x, x.features[i])
    skipped = None
    if any(isinstance(one, Table) for one in x):
        skipped = [_missing_cells(one, i not in told) for i, one in enumerate(x)]
    tables = _tables(indicator, x, told, skipped)
    return x.of(
        table or _indicator(x.features[i], indicator.missing_values) for i, table in zip(told, tables, strict=True)
    )


def _tables(transformer: Any, x: Columns, owners: Sequence[int], skipped: Any = None) -> Sequence[Table | None]:
    if not any(isinstance(one, Table) for one in x):
        return [None] * len(owners)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a column without any value is left out, which users are told
        return tabulated(transformer, x, owners, skipped=skipped)


def _check(transformer: Any, x: Columns) -> None:
    """Raises NotCompilable where the graph could not tell a missing value from another."""
    missing = transformer.missing_values
    numbers = x.of(one for one in x if isinstance(one, Number))
    note_refused(numbers, missing=_is_nan(missing))
    if isinstance(missing, str):
        for one in x:
            if not isinstance(one, Table) or missing not in np.asarray(one.cells, dtype=object).tolist():
                raise NotCompilable(f"missing_values={missing!r} is not a category of each of its columns")


def _fill(feature: Feature, missing: Any, value: Any) -> Feature:
    if isinstance(feature, Moment):
        raise NotCompilable("a date and time reaches an imputer; make numbers of it before")
    if _is_nan(missing):
        return feature.then(Step("fill", (float(value),)))
    return feature.then(Step("replace", (float(missing), float(value))))


def _indicator(feature: Feature, missing: Any) -> Feature:
    if isinstance(feature, Moment):
        raise NotCompilable("a date and time reaches an imputer; make numbers of it before")
    if _is_nan(missing):
        return feature.then(Step("indicator", (0.0, 1.0)))
    return feature.then(Step("equals", (float(missing),)))


def _refuse_missing(x: Columns, feature: Feature) -> None:
    if isinstance(feature, Table):
        refuse(x.scope, feature, _missing_cells(feature, True))
    elif feature.origin is None:
        raise NotCompilable("error_on_new=True on a column that is computed from several")
    else:
        require(x.scope, feature.origin)


def _missing_cells(feature: Feature, wanted: bool) -> Any:
    cells = feature.cells if isinstance(feature, Table) else np.zeros(1)
    return np.asarray(pd.isna(cells)) & wanted


def _is_nan(value: Any) -> bool:
    return value is None or value != value
