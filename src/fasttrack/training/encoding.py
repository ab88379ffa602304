"""How the columns of a table become what an estimator takes: numbers without missing values, or codes of categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from fasttrack.training.calendar import PARTS, CalendarFeatures
from fasttrack.training.text_features import text_steps

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column, Task

__all__ = ["coded_columns", "dense_columns", "dense_width"]

_FEW = 30
"""A column with up to this many categories is one-hot encoded; one with more is encoded by target means."""
_NATIVE = 255
"""Histogram gradient boosting splits on up to this many categories natively."""


def dense_columns(
    columns: Sequence[Column], task: Task, seed: int, *, scale: bool, terms: bool = False
) -> ColumnTransformer:
    """Every column as numbers without missing values; `terms`: a number for each term of a text, not one for all."""
    # in a fold or a sample a column may be all missing; it is kept so that the shape stays the same
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    numbers = make_pipeline(impute, StandardScaler()) if scale else impute
    parts = [CalendarFeatures(), SimpleImputer(strategy="median", keep_empty_features=True)]
    dates = make_pipeline(*parts, StandardScaler()) if scale else make_pipeline(*parts)
    # rare categories share one column, also with the unseen ones
    few = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False)
    steps: list[tuple[str, Any, list[str]]] = [
        ("numbers", numbers, _names(columns, "number", "integer", "boolean")),
        ("dates", dates, _names(columns, "datetime")),
        ("few", few, _few(columns)),
        ("many", _means(task, seed, scale=scale), _many(columns)),
    ]
    used = [*(step for step in steps if step[2]), *text_steps(columns, task, seed, condensed=not terms)]
    return ColumnTransformer(used)


def dense_width(columns: Sequence[Column]) -> int:
    """About how many numbers `dense_columns` makes of a row."""
    sizes = {"number": 1, "integer": 1, "boolean": 1, "datetime": len(PARTS)}
    few = set(_few(columns))
    width = sum(len(column.categories or ()) if column.name in few else sizes.get(column.kind, 1) for column in columns)
    return width + sum(column.nullable and column.kind in ("number", "integer", "boolean") for column in columns)


def _means(task: Task, seed: int, *, scale: bool) -> Any:
    # each row is encoded by the targets of the other folds only, so that its own target does not leak into it
    folds = KFold if task == "regression" else StratifiedKFold
    cv = folds(5, shuffle=True, random_state=seed)
    # "auto" finds the number of classes in the rows: those of a fold may have only two of many
    means = TargetEncoder(target_type="continuous" if task == "regression" else "auto", cv=cv)
    return make_pipeline(means, StandardScaler()) if scale else means


def coded_columns(
    columns: Sequence[Column], task: Task, seed: int, *, native: bool = True
) -> tuple[ColumnTransformer, int]:
    """Every column as numbers, of which the first are codes of categories, and how many these are.

    Missing values stay, for estimators that split on them; only text needs codes. If not `native`, there are no codes:
    categories are target means, which also have an order.
    """
    most = _NATIVE if native else 0
    coded = [c.name for c in columns if c.kind == "category" and len(c.categories or ()) in range(1, most)]
    means = [c.name for c in columns if c.kind == "category" and c.name not in coded]
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    steps: list[tuple[str, Any, list[str]]] = [
        ("categories", codes, coded),
        ("many", _means(task, seed, scale=False), means),
        ("dates", CalendarFeatures(), _names(columns, "datetime")),
        ("numbers", "passthrough", _names(columns, "number", "integer", "boolean")),
    ]
    used = [*(step for step in steps if step[2]), *text_steps(columns, task, seed, condensed=True)]
    return ColumnTransformer(used), len(coded)


def _names(columns: Sequence[Column], *kinds: str) -> list[str]:
    return [column.name for column in columns if column.kind in kinds]


def _few(columns: Sequence[Column]) -> list[str]:
    return [c.name for c in columns if c.kind == "category" and len(c.categories or ()) in range(1, _FEW + 1)]


def _many(columns: Sequence[Column]) -> list[str]:
    few = _few(columns)
    return [c.name for c in columns if c.kind == "category" and c.name not in few]
