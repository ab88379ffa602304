"""The built-in pipelines of three families: for mixed columns, missing values, unseen categories and dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from fasttrack.errors import TrainingError
from fasttrack.training.encoding import coded_columns, dense_columns

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column, Task

__all__ = ["BUILT_IN", "FAMILIES", "build", "smallest_leaf"]

FAMILIES = ("linear", "forest", "boosting")
"""Beginning with the simplest."""
BUILT_IN = ("linear", "boosting", "forest", "auto")


def build(estimator: str, columns: Sequence[Column], task: Task, *, rows: int, seed: int = 0) -> Pipeline:
    """An unfitted pipeline of the family `linear`, `boosting` or `forest` over a frame with `columns`.

    `rows`: the number of rows that it will be fitted on. It accepts missing values in every column, also in those that
    have none in training; an unseen category counts as rare or unknown. Infinite numbers make scikit-learn raise.
    """
    match estimator:
        case "linear":
            return _linear(columns, task, seed)
        case "forest":
            return _forest(columns, task, rows, seed)
        case "boosting":
            return _boosting(columns, task, rows, seed)
    raise TrainingError(f"there is no estimator {estimator!r}; choose {', '.join(BUILT_IN)}, or module:factory")


def smallest_leaf(rows: int) -> int:
    """Rows in the smallest leaf of a forest fitted on `rows`: the more rows, the larger, to keep the model small."""
    return max(1, rows // 20_000)


def _linear(columns: Sequence[Column], task: Task, seed: int) -> Pipeline:
    model = Ridge() if task == "regression" else LogisticRegression(max_iter=2000, random_state=seed)
    return _pipeline(dense_columns(columns, task, seed, scale=True), model)


def _forest(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    options = {"n_estimators": 100, "min_samples_leaf": smallest_leaf(rows), "n_jobs": -1, "random_state": seed}
    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return _pipeline(dense_columns(columns, task, seed, scale=False), kind(**options))


def _boosting(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    """Histogram gradient boosting, which accepts missing values and categories as they are."""
    encoder, categories = coded_columns(columns, task, seed)
    options: dict[str, Any] = {
        "categorical_features": list(range(categories)),
        "max_iter": 200,
        "early_stopping": rows >= 1000,
        "random_state": seed,
        "min_samples_leaf": 20 if rows >= 400 else 5,
    }
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return _pipeline(encoder, kind(**options))


def _pipeline(columns: ColumnTransformer, model: Any) -> Pipeline:
    # the parameters of a search have these names in them: model__learning_rate
    return Pipeline([("columns", columns), ("model", model)])
