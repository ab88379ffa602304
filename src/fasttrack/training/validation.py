"""Validation inside the training part, for the choice of an estimator and for a search.

Its rows are split by the same method as the hold-out. A small table is cross-validated; of a large table a fixed part
is used for validation.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from fasttrack.contract.fitted_pipeline import predict
from fasttrack.errors import TrainingError
from fasttrack.evaluation import metric_values
from fasttrack.training.split import split
from fasttrack.training.weights import fit_with_weights

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task

    Rows = NDArray[np.int64]

__all__ = [
    "FOLDS",
    "Fold",
    "FoldPrediction",
    "Validation",
    "folds",
    "measure",
    "plan_validation",
    "predict_fold",
    "score_fold",
]

_SMALL = 20_000
"""A table with up to this many rows is cross-validated."""
FOLDS = 3
"""At most this many folds."""
_SHARE = 0.2
"""The fraction of a large table's rows that is used for validation."""


@dataclass(frozen=True)
class Fold:
    """Row numbers to fit on and to measure on."""

    train: Rows
    test: Rows


@dataclass(frozen=True)
class Validation:
    """The folds that an estimator is measured on, in this order; its score is the mean over them."""

    folds: list[Fold]
    note: str


def plan_validation(
    n: int,
    *,
    method: Literal["random", "group", "time"],
    seed: int,
    classes: NDArray[Any] | None = None,
    by: NDArray[Any] | None = None,
) -> Validation:
    """The validation on `n` rows; `classes` [n] are a classifier's labels, `by` [n] the groups or times of the split.

    For a random split, rows of the same number in `by` are identical, and stay together.

    Raises TrainingError when the rows cannot be split.
    """
    if n <= _SMALL:
        usable = folds(n, method=method, seed=seed, classes=classes, by=by)
        if not usable:
            how = "" if classes is None else f" (split by {method}, with two labels in each part)"
            raise TrainingError(f"the {n:,} training rows are too few for a search{how}; train without a search")
        return Validation(usable, note=f"{len(usable)} folds of {n:,} training rows, by {method}")
    rows = split(n, method=method, share=_SHARE, seed=seed, y=classes, by=by)
    fold = Fold(rows.train, rows.test)
    if not _usable(fold, classes):
        raise TrainingError(
            f"the {len(fold.train):,} rows that a search would fit on (split by {method}) all have the same label; "
            "train without a search"
        )
    note = f"fitted on {len(fold.train):,} of {n:,} training rows, measured on the rest, by {method}"
    return Validation([fold], note=note)


def folds(
    n: int,
    *,
    method: Literal["random", "group", "time"],
    seed: int,
    classes: NDArray[Any] | None = None,
    by: NDArray[Any] | None = None,
    most: int = FOLDS,
) -> list[Fold]:
    """Up to `most` folds of `n` rows; `classes` and `by` are as for `plan_validation`.

    Folds that nothing can be learned or measured on are left out: the first in time may have one label only.
    """
    return [fold for fold in _folds(n, method, seed, classes, by, most) if _usable(fold, classes)]


@dataclass(frozen=True)
class FoldPrediction:
    """What a copy fitted on a fold says of the fold's other rows; `classes` are in the order of `probabilities`."""

    prediction: NDArray[Any]
    probabilities: NDArray[np.float64] | None
    classes: list[Any] | None


def predict_fold(
    estimator: Any,
    X: pd.DataFrame,
    y: NDArray[Any],
    fold: Fold,
    task: Task,
    metric: str,
    weights: NDArray[np.float64] | None = None,
) -> FoldPrediction:
    """Fit a copy of `estimator` on a fold of `X` [n, f] and `y` [n], and predict its other rows, as `metric` needs it.

    `weights` [n] of the rows. Raises whatever the estimator raises.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about bad parameters, which the score shows as well
        of_fitted = None if weights is None else weights[fold.train]
        fitted = fit_with_weights(clone(estimator), X.iloc[fold.train], y[fold.train], of_fitted)
        needed = metric in ("log_loss", "average_precision")
        prediction, probabilities = predict(fitted, X.iloc[fold.test], probabilities=needed)
    return FoldPrediction(
        prediction, probabilities, None if task == "regression" else np.asarray(fitted.classes_).tolist()
    )


def score_fold(  # seven arguments: what is predicted of which rows, and how it is measured
    predicted: FoldPrediction,
    y: NDArray[Any],
    fold: Fold,
    task: Task,
    metric: str,
    weights: NDArray[np.float64] | None = None,
    positive: Any = None,
) -> float:
    """The value of `metric`; a label that the fitted rows lack counts as a wrong prediction.

    `weights` [n] of the rows; `positive`: the label for average precision and F1. Raises ValueError for a
    value that is not a finite number.
    """
    classes = predicted.classes
    values = metric_values(
        task,
        y[fold.test],
        predicted.prediction,
        predicted.probabilities,
        classes,
        weights=None if weights is None else weights[fold.test],
        positive=classes.index(positive) if classes and positive in classes else None,
    )
    score = values.get(metric)
    if score is None:
        raise ValueError(f"its {metric} is not a finite number")
    return score


def measure(  # eight arguments: the rows with their weights, and what is measured on them
    estimator: Any,
    X: pd.DataFrame,
    y: NDArray[Any],
    fold: Fold,
    task: Task,
    metric: str,
    *,
    weights: NDArray[np.float64] | None = None,
    positive: Any = None,
) -> float:
    """The value of `metric` for a copy of `estimator`, fitted and measured on a fold. Raises as its two steps."""
    predicted = predict_fold(estimator, X, y, fold, task, metric, weights)
    return score_fold(predicted, y, fold, task, metric, weights, positive)


def _usable(fold: Fold, classes: NDArray[Any] | None) -> bool:
    if len(fold.train) < 2 or len(fold.test) < 2:
        return False
    return classes is None or len(pd.unique(classes[fold.train])) >= 2


def _folds(
    n: int, method: str, seed: int, classes: NDArray[Any] | None, by: NDArray[Any] | None, most: int
) -> list[Fold]:
    unused = np.zeros(n)
    if method == "time":
        return _by_time(by, most)
    if method == "group":
        count = min(most, len(pd.unique(by)))
        if count < 2:
            return []
        splits = GroupKFold(count, shuffle=True, random_state=seed).split(unused, groups=by)
        return [Fold(*rows) for rows in splits]
    if by is not None:
        return _apart(by, seed, classes, most)
    count = min(most, n // 2)
    if count < 2:
        return []
    if classes is not None and np.unique(classes, return_counts=True)[1].min() >= count:
        splits = StratifiedKFold(count, shuffle=True, random_state=seed).split(unused, pd.factorize(classes)[0])
    else:
        splits = KFold(count, shuffle=True, random_state=seed).split(unused)
    return [Fold(*rows) for rows in splits]


def _apart(identical: NDArray[Any], seed: int, classes: NDArray[Any] | None, most: int) -> list[Fold]:
    """Random folds with identical rows in one of them: those of the distinct rows, with all their copies."""
    codes = pd.factorize(identical)[0]
    first = np.unique(codes, return_index=True)[1]
    distinct = _folds(len(first), "random", seed, None if classes is None else classes[first], None, most)

    def rows(part: Rows) -> Rows:
        return np.flatnonzero(np.isin(codes, part))

    return [Fold(rows(fold.train), rows(fold.test)) for fold in distinct]


def _by_time(times: NDArray[Any] | None, most: int) -> list[Fold]:
    """Each fold is measured on rows after those that it is fitted on; rows of the same time stay together."""
    assert times is not None  # noqa: S101  # the hold-out was split by them
    ordered = np.sort(times)
    cuts = [ordered[len(ordered) * k // (most + 1)] for k in range(1, most + 1)]
    ends = [*cuts[1:], None]
    return [
        Fold(np.flatnonzero(times < cut), np.flatnonzero((times >= cut) & (True if end is None else times < end)))
        for cut, end in zip(cuts, ends, strict=True)
    ]
