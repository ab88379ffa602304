"""How a search measures: on rows of the training part, parted as the hold-out was, growing from cheap to dear.

A small table is cross-validated, one fold after the other. Of a large one a fixed part validates, and the rest is
fitted on in growing subsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from fasttrack.errors import TrainingError
from fasttrack.training.split import split

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

__all__ = ["Fold", "Validation", "plan_validation"]

_SMALL = 20_000
"""Rows up to which a table is cross-validated."""
_FOLDS = 3
_SHARE = 0.2
"""Of a large table, for validation."""
_REDUCTION = 3
"""From one subset to the next larger one."""
_FEWEST = 5_000
"""Rows in the smallest subset: fewer say little of what is best on all."""
_OF_EACH_CLASS = 10


@dataclass(frozen=True)
class Fold:
    """Row numbers to fit on and to measure on."""

    train: Rows
    test: Rows


@dataclass(frozen=True)
class Validation:
    """What a trial is measured on, in this order: `folds`, whose figures are averaged, or growing subsets."""

    folds: list[Fold]
    averaged: bool
    """Whether a trial's score is the mean over the folds, or that of the last, which is fitted on all rows."""
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
        found = [fold for fold in _folds(n, method, seed, classes, by) if len(fold.train) >= 2 and len(fold.test) >= 2]
        if not found:
            raise TrainingError(f"the {n:,} training rows are too few to search on; train without a search")
        return Validation(found, averaged=True, note=f"{len(found)} folds of {n:,} training rows, by {method}")
    groups, times = (by, None) if method == "group" else (None, by if method == "time" else None)
    parts = split(n, method=method, share=_SHARE, seed=seed, y=classes, groups=groups, times=times)
    places = _places(len(parts.train), None if classes is None else classes[parts.train], seed)
    sizes = [len(parts.train)]
    while sizes[0] // _REDUCTION >= _FEWEST and len(sizes) < 3:
        sizes.insert(0, sizes[0] // _REDUCTION)
    folds = [Fold(parts.train[np.sort(places[:size])], parts.test) for size in sizes]
    steps = ", ".join(f"{size:,}" for size in sizes)
    return Validation(folds, averaged=False, note=f"fitted on {steps} rows, measured on {len(parts.test):,}")


def _folds(n: int, method: str, seed: int, classes: NDArray[Any] | None, by: NDArray[Any] | None) -> list[Fold]:
    nothing = np.zeros(n)
    if method == "time":
        return _later(by)
    if method == "group":
        count = min(_FOLDS, len(pd.unique(by)))  # type: ignore[type-var]
        if count < 2:
            return []
        return [Fold(*one) for one in GroupKFold(count, shuffle=True, random_state=seed).split(nothing, groups=by)]
    count = min(_FOLDS, n // 2)
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
    cuts = [ordered[len(ordered) * part // (_FOLDS + 1)] for part in range(1, _FOLDS + 1)]
    ends = [*cuts[1:], None]
    return [
        Fold(np.flatnonzero(times < cut), np.flatnonzero((times >= cut) & (True if end is None else times < end)))
        for cut, end in zip(cuts, ends, strict=True)
    ]


def _places(n: int, classes: NDArray[Any] | None, seed: int) -> Rows:
    """All of `n` places in an order, so that each beginning of it is a sample, with some of each class."""
    order = np.random.default_rng(seed).permutation(n)
    if classes is None:
        return order
    codes = pd.factorize(classes[order])[0]
    nth = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    return order[np.argsort(nth >= _OF_EACH_CLASS, kind="stable")]
