"""How the choice of an estimator, and a search, measure: on rows of the training part, parted as the hold-out was.

A small table is cross-validated, one fold after the other; of a large one a fixed part validates.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from fasttrack.contract.fitted_pipeline import answers
from fasttrack.errors import TrainingError
from fasttrack.evaluation import figures
from fasttrack.training.split import split

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task

    Rows = NDArray[np.int64]

__all__ = ["FOLDS", "Fold", "Validation", "measure", "part", "plan_validation"]

_SMALL = 20_000
"""Rows up to which a table is cross-validated."""
FOLDS = 3
"""At most."""
_SHARE = 0.2
"""Of a large table, for validation."""


@dataclass(frozen=True)
class Fold:
    """Row numbers to fit on and to measure on."""

    train: Rows
    test: Rows


@dataclass(frozen=True)
class Validation:
    """What a trial is measured on, in this order; its score is the mean over the folds."""

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
    """Plan for `n` rows; `classes` [n] are a classifier's labels, `by` [n] the groups or times of the split.

    Raises TrainingError when the rows cannot be parted.
    """
    if n <= _SMALL:
        found = part(n, method=method, seed=seed, classes=classes, by=by)
        if not found:
            parted = "" if classes is None else f" (parted by {method}, with two labels to learn from)"
            raise TrainingError(f"the {n:,} training rows are too few to search on{parted}; train without a search")
        return Validation(found, note=f"{len(found)} folds of {n:,} training rows, by {method}")
    groups, times = (by, None) if method == "group" else (None, by if method == "time" else None)
    parts = split(n, method=method, share=_SHARE, seed=seed, y=classes, groups=groups, times=times)
    fold = Fold(parts.train, parts.test)
    if not _usable(fold, classes):
        raise TrainingError(
            f"the {len(fold.train):,} rows that a search would fit on (parted by {method}) have one label; "
            "train without a search"
        )
    note = f"fitted on {len(fold.train):,} of {n:,} training rows, measured on the others, by {method}"
    return Validation([fold], note=note)


def part(
    n: int,
    *,
    method: Literal["random", "group", "time"],
    seed: int,
    classes: NDArray[Any] | None = None,
    by: NDArray[Any] | None = None,
) -> list[Fold]:
    """Up to three folds of `n` rows, of which `classes` and `by` are as for `plan_validation`.

    Without those that nothing can be learned or measured on, as the first in time may have one label only.
    """
    return [fold for fold in _folds(n, method, seed, classes, by) if _usable(fold, classes)]


def measure(estimator: Any, X: pd.DataFrame, y: NDArray[Any], fold: Fold, task: Task, metric: str) -> float:
    """The figure `metric` of a fresh copy of `estimator`, fitted and measured on the fold's rows of `X` [n, f] and `y`.

    A label that the rows to fit on lack is one that it gets wrong. Raises whatever the estimator raises, and ValueError
    for a figure that is no number.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parameters that serve badly, which the score says too
        fitted = clone(estimator).fit(X.iloc[fold.train], y[fold.train])
        guess, shares = answers(fitted, X.iloc[fold.test], probabilities=metric == "log_loss")
        classes = None if task == "regression" else np.asarray(fitted.classes_).tolist()
        score = figures(task, y[fold.test], guess, shares, classes).get(metric)
    if score is None:
        raise ValueError(f"its {metric} is not a finite number")
    return score


def _usable(fold: Fold, classes: NDArray[Any] | None) -> bool:
    if len(fold.train) < 2 or len(fold.test) < 2:
        return False
    return classes is None or len(pd.unique(classes[fold.train])) >= 2


def _folds(n: int, method: str, seed: int, classes: NDArray[Any] | None, by: NDArray[Any] | None) -> list[Fold]:
    nothing = np.zeros(n)
    if method == "time":
        return _later(by)
    if method == "group":
        count = min(FOLDS, len(pd.unique(by)))
        if count < 2:
            return []
        return [Fold(*one) for one in GroupKFold(count, shuffle=True, random_state=seed).split(nothing, groups=by)]
    count = min(FOLDS, n // 2)
    if count < 2:
        return []
    if classes is not None and np.unique(classes, return_counts=True)[1].min() >= count:
        folds = StratifiedKFold(count, shuffle=True, random_state=seed).split(nothing, pd.factorize(classes)[0])
        return [Fold(*one) for one in folds]
    return [Fold(*one) for one in KFold(count, shuffle=True, random_state=seed).split(nothing)]


def _later(times: NDArray[Any] | None) -> list[Fold]:
    """Each measures on what comes after its training rows; rows of one moment stay together."""
    assert times is not None  # noqa: S101  # the hold-out was taken by them
    ordered = np.sort(times)
    cuts = [ordered[len(ordered) * part // (FOLDS + 1)] for part in range(1, FOLDS + 1)]
    ends = [*cuts[1:], None]
    return [
        Fold(np.flatnonzero(times < cut), np.flatnonzero((times >= cut) & (True if end is None else times < end)))
        for cut, end in zip(cuts, ends, strict=True)
    ]
