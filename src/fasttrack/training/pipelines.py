"""The built-in pipelines of three families: for mixed columns, missing values, unseen categories and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from fasttrack.errors import TrainingError, in_a_line
from fasttrack.evaluation import primary_metric
from fasttrack.training.calendar import CalendarFeatures
from fasttrack.training.validation import FOLDS, folds, measure

if TYPE_CHECKING:
    from typing import Literal

    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Task

__all__ = ["BUILT_IN", "FAMILIES", "FamilyChoice", "build", "choose", "smallest_leaf"]

FAMILIES = ("linear", "forest", "boosting")
"""Beginning with the simplest."""
BUILT_IN = ("linear", "boosting", "forest", "auto")

_FEW = 30
"""A column with up to this many categories is one-hot encoded; one with more is encoded by target means."""
_NATIVE = 255
"""Histogram gradient boosting splits on up to this many categories natively."""
_SAMPLE = 20_000
_CHOOSE = "choose an estimator: --estimator linear, boosting or forest"


@dataclass(frozen=True)
class FamilyChoice:
    """The family that cross-validation chose, and each family's mean loss in the primary metric."""

    family: str
    scores: dict[str, float]


def build(estimator: str, columns: Sequence[Column], task: Task, *, rows: int, seed: int = 0) -> Pipeline:
    """An unfitted pipeline of the family `linear`, `boosting` or `forest` over a frame with `columns`.

    `rows`: the number of rows that it will be fitted on. It accepts missing values in every column, also in those that
    have none in training; an unseen category counts as rare or unknown. Infinite numbers make scikit-learn raise.
    """
    match estimator:
        case "linear":
            return _pipeline(_encoder(columns, task, seed, scale=True), _linear(task, seed))
        case "forest":
            return _pipeline(_encoder(columns, task, seed, scale=False), _forest(task, rows, seed))
        case "boosting":
            return _boosting(columns, task, rows, seed)
    raise TrainingError(f"there is no estimator {estimator!r}; choose {', '.join(BUILT_IN)}, or module:factory")


def choose(
    columns: Sequence[Column],
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    *,
    method: Literal["random", "group", "time"] = "random",
    by: NDArray[Any] | None = None,
    seed: int = 0,
) -> FamilyChoice:
    """Choose the best of the three families by the primary metric, cross-validated on at most 20,000 of the rows.

    The folds are split by the same `method` as the hold-out, and by the same groups or times `by` [n]: rows of one
    group on both sides would favour a family that memorises groups. A simpler family (linear before forest before
    boosting) is kept if it is within one standard error of the best (the one-standard-error rule: Breiman et al.,
    Classification and Regression Trees, 1984). Raises TrainingError when the rows cannot be split, or a family cannot
    be fitted.
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(X))[:_SAMPLE])
    sample, target = X.iloc[rows], np.asarray(y)[rows]
    metric = primary_metric(task, probabilities=True).name
    labels = None if task == "regression" else target
    if labels is not None and method == "random":
        _check_counts(labels)
    parts = folds(len(rows), method=method, seed=seed, classes=labels, by=None if by is None else by[rows])
    if not parts:
        few = "are too few" if labels is None else "are too few, or have too few of a label,"
        raise TrainingError(
            f"auto compares by cross-validation, but the {len(X):,} training rows {few} to be split by {method}; "
            f"{_CHOOSE}"
        )
    losses: dict[str, NDArray[np.float64]] = {}
    for family in FAMILIES:
        pipeline = build(family, columns, task, rows=len(sample), seed=seed)
        try:
            losses[family] = np.array([measure(pipeline, sample, target, fold, task, metric) for fold in parts])
        except Exception as error:
            raise TrainingError(
                f"{family} cannot be fitted on these columns: {in_a_line(error)}; {_CHOOSE}, or --ignore the column"
            ) from error
    best = min(losses, key=lambda family: losses[family].mean())
    chosen = best
    for family in losses:
        gap = losses[family] - losses[best]
        if family == best or (len(gap) > 1 and gap.mean() <= gap.std(ddof=1) / np.sqrt(len(gap))):
            chosen = family
            break
    return FamilyChoice(chosen, {family: float(values.mean()) for family, values in losses.items()})


def _check_counts(labels: NDArray[Any]) -> None:
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < FOLDS:
        raise TrainingError(
            f"auto compares by {FOLDS}-fold cross-validation, but a class has only {counts.min()} rows; {_CHOOSE}"
        )


def _pipeline(columns: ColumnTransformer, model: Any) -> Pipeline:
    # the parameters of a search have these names in them: model__learning_rate
    return Pipeline([("columns", columns), ("model", model)])


def _encoder(columns: Sequence[Column], task: Task, seed: int, *, scale: bool) -> ColumnTransformer:
    """Every column as numbers without missing values."""
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
    return ColumnTransformer([step for step in steps if step[2]])


def _means(task: Task, seed: int, *, scale: bool) -> Any:
    # each row is encoded by the targets of the other folds only, so that its own target does not leak into it
    folds = KFold if task == "regression" else StratifiedKFold
    cv = folds(5, shuffle=True, random_state=seed)
    # "auto" finds the number of classes in the rows: those of a fold may have only two of many
    means = TargetEncoder(target_type="continuous" if task == "regression" else "auto", cv=cv)
    return make_pipeline(means, StandardScaler()) if scale else means


def _boosting(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    """Histogram gradient boosting accepts missing values and categories as they are; only text needs codes."""
    native = [c.name for c in columns if c.kind == "category" and len(c.categories or ()) in range(1, _NATIVE)]
    means = [c.name for c in columns if c.kind == "category" and c.name not in native]
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    steps: list[tuple[str, Any, list[str]]] = [
        ("categories", codes, native),
        ("many", _means(task, seed, scale=False), means),
        ("dates", CalendarFeatures(), _names(columns, "datetime")),
        ("numbers", "passthrough", _names(columns, "number", "integer", "boolean")),
    ]
    options: dict[str, Any] = {
        "categorical_features": list(range(len(native))),
        "max_iter": 200,
        "early_stopping": rows >= 1000,
        "random_state": seed,
        "min_samples_leaf": 20 if rows >= 400 else 5,
    }
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return _pipeline(ColumnTransformer([step for step in steps if step[2]]), kind(**options))


def _linear(task: Task, seed: int) -> Any:
    return Ridge() if task == "regression" else LogisticRegression(max_iter=2000, random_state=seed)


def smallest_leaf(rows: int) -> int:
    """Rows in the smallest leaf of a forest fitted on `rows`: the more rows, the larger, to keep the model small."""
    return max(1, rows // 20_000)


def _forest(task: Task, rows: int, seed: int) -> Any:
    options = {"n_estimators": 100, "min_samples_leaf": smallest_leaf(rows), "random_state": seed}
    return RandomForestRegressor(**options) if task == "regression" else RandomForestClassifier(**options)


def _names(columns: Sequence[Column], *kinds: str) -> list[str]:
    return [column.name for column in columns if column.kind in kinds]


def _few(columns: Sequence[Column]) -> list[str]:
    return [c.name for c in columns if c.kind == "category" and len(c.categories or ()) in range(1, _FEW + 1)]


def _many(columns: Sequence[Column]) -> list[str]:
    few = _few(columns)
    return [c.name for c in columns if c.kind == "category" and c.name not in few]
