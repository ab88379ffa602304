"""The built-in pipelines, one small function a family: for mixed columns, missing values, unseen categories, dates."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from fasttrack.errors import ConfigError, TrainingError
from fasttrack.extras import install_command
from fasttrack.processors import available_processors
from fasttrack.training.encoding import coded_columns, dense_columns, dense_width
from fasttrack.training.threads import is_small

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column, Task

__all__ = ["BUILT_IN", "FAMILIES", "OPTIONAL", "build", "families_for", "is_installed", "require", "smallest_leaf"]

FAMILIES = ("linear", "polynomial", "forest", "boosting")
"""What `auto` compares, beginning with the simplest."""
OPTIONAL = ("lightgbm", "xgboost")
"""Each needs the extra of its name."""
BUILT_IN = (*FAMILIES, *OPTIONAL, "auto")

_MOST_PRODUCTS = 1_500
_MOST_WORK = 3e9
"""Squares and products are tried up to so many of them, and up to so many multiplications for one fit."""
_FEW_NUMBERS, _FEW_LABELS = 600, 300
"""With fewer rows, boosting keeps all of them for fitting, instead of a tenth for stopping early."""
_MANY = 20_000
"""From so many rows on, several threads are worth their start."""
_LARGE = 50_000
"""From so many rows on, boosting makes fewer trees, because each takes long."""


def build(estimator: str, columns: Sequence[Column], task: Task, *, rows: int, seed: int = 0) -> Pipeline:
    """An unfitted pipeline of a family, by its name, over a frame with `columns`.

    `rows`: the number of rows that it will be fitted on. It accepts missing values in every column, also in those that
    have none in training; an unseen category counts as rare or unknown. Infinite numbers make scikit-learn raise.
    Raises ConfigError for a family that needs an extra that is not installed.
    """
    match estimator:
        case "linear":
            return _linear(columns, task, seed)
        case "polynomial":
            return _polynomial(columns, task, seed)
        case "forest":
            return _forest(columns, task, rows, seed)
        case "extra_trees":
            return _extra_trees(columns, task, rows, seed)
        case "boosting":
            return _boosting(columns, task, rows, seed)
        case "lightgbm":
            return _lightgbm(columns, task, rows, seed)
        case "xgboost":
            return _xgboost(columns, task, rows, seed)
    raise TrainingError(f"there is no estimator {estimator!r}; choose {', '.join(BUILT_IN)}, or module:factory")


def families_for(columns: Sequence[Column], rows: int) -> list[str]:
    """The families that `auto` compares on this many rows: squares and products only where they are cheap to fit."""
    width = dense_width(columns)
    products = width * (width + 3) // 2
    cheap = products <= _MOST_PRODUCTS and float(products) ** 2 * rows <= _MOST_WORK
    return [family for family in FAMILIES if cheap or family != "polynomial"]


def is_installed(estimator: str) -> bool:
    """Whether a family of `OPTIONAL` can be used."""
    return find_spec(estimator) is not None


def require(estimator: str) -> None:
    """Raise ConfigError if the family needs an extra that is not installed."""
    if estimator in OPTIONAL and not is_installed(estimator):
        raise ConfigError(f"the estimator {estimator} is not installed: {install_command(estimator)}")


def smallest_leaf(task: Task, rows: int) -> int:
    """Rows in the smallest leaf of a forest fitted on `rows`: the more rows, the larger, to keep the model small.

    A classifier's leaves have several rows: shares of one row are 0 or 1, and one certain error spoils the log loss.
    """
    return max(1 if task == "regression" else 3, rows // 20_000)


def _linear(columns: Sequence[Column], task: Task, seed: int) -> Pipeline:
    model = Ridge() if task == "regression" else LogisticRegression(max_iter=2000, random_state=seed)
    return _pipeline(dense_columns(columns, task, seed, scale=True, terms=True), model)


def _polynomial(columns: Sequence[Column], task: Task, seed: int) -> Pipeline:
    """A linear model of the columns, their squares and the products of two."""
    if task == "regression":
        model: Any = RidgeCV(np.logspace(-1, 4, 11))
    else:
        model = LogisticRegression(C=0.01, max_iter=300, random_state=seed)
    steps = [
        ("columns", dense_columns(columns, task, seed, scale=True)),
        ("products", PolynomialFeatures(2, include_bias=False)),
        ("scale", StandardScaler()),
        ("model", model),
    ]
    return Pipeline(steps)


def _forest(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return _pipeline(dense_columns(columns, task, seed, scale=False), kind(**_trees(columns, task, rows, seed)))


def _extra_trees(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    kind = ExtraTreesRegressor if task == "regression" else ExtraTreesClassifier
    return _pipeline(dense_columns(columns, task, seed, scale=False), kind(**_trees(columns, task, rows, seed)))


def _trees(columns: Sequence[Column], task: Task, rows: int, seed: int) -> dict[str, Any]:
    return {
        "n_estimators": 100,
        "min_samples_leaf": smallest_leaf(task, rows),
        "max_features": 1.0 if task == "regression" else 0.33,
        # the number of processors is not in it, because the same table gives the same model on every machine
        "n_jobs": 1 if is_small(rows * len(columns)) else -1,
        "random_state": seed,
    }


def _boosting(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    """Histogram gradient boosting, which accepts missing values and categories as they are."""
    encoder, categories = coded_columns(columns, task, seed)
    stop = rows >= (_FEW_NUMBERS if task == "regression" else _FEW_LABELS)
    options: dict[str, Any] = {
        "categorical_features": list(range(categories)),
        "early_stopping": stop,
        "max_iter": 100 if not stop else 600 if rows < _LARGE else 200,
        "max_leaf_nodes": 31 if stop else 15,
        "max_features": 0.5,
        "n_iter_no_change": 15,
        "random_state": seed,
        "min_samples_leaf": 20 if rows >= 400 else 5,
    }
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return _pipeline(encoder, kind(**options))


def _lightgbm(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    require("lightgbm")
    library = import_module("lightgbm")
    encoder, _ = coded_columns(columns, task, seed, native=False)
    options: dict[str, Any] = {
        "learning_rate": 0.05,
        "n_estimators": 200,
        "num_leaves": 15,
        "subsample": 0.8,
        "subsample_freq": 1,
        "colsample_bytree": 0.7,
        "random_state": seed,
        "n_jobs": _library_threads(rows),
        "verbose": -1,
    }
    kind = library.LGBMRegressor if task == "regression" else library.LGBMClassifier
    return _pipeline(encoder, kind(**options))


def _xgboost(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    require("xgboost")
    library = import_module("xgboost")
    encoder, _ = coded_columns(columns, task, seed, native=False)
    options: dict[str, Any] = {
        "learning_rate": 0.05,
        "n_estimators": 200,
        "max_depth": 5,
        "subsample": 0.8,
        "colsample_bytree": 0.7,
        "random_state": seed,
        "n_jobs": _library_threads(rows),
    }
    if task == "regression":
        return _pipeline(encoder, library.XGBRegressor(**options))
    # XGBoost takes the labels 0, 1, 2 … only; a vote of one member numbers them
    return _pipeline(encoder, VotingClassifier([("trees", library.XGBClassifier(**options))], voting="soft"))


def _library_threads(rows: int) -> int:
    # by default both take every core of the machine, whatever OMP_NUM_THREADS says, and wait for each other
    return 1 if rows < _MANY else available_processors()


def _pipeline(columns: ColumnTransformer, model: Any) -> Pipeline:
    # the parameters of a search have these names in them: model__learning_rate
    return Pipeline([("columns", columns), ("model", model)])
