"""How a search measures: on rows of the training part, parted as the hold-out was.

A small table is cross-validated, one fold after the other; of a large one a fixed part validates.
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
        found = [fold for fold in _folds(n, method, seed, classes, by) if len(fold.train) >= 2 and len(fold.test) >= 2]
        if not found:
            raise TrainingError(f"the {n:,} training rows are too few to search on; train without a search")
        return Validation(found, note=f"{len(found)} folds of {n:,} training rows, by {method}")
    groups, times = (by, None) if method == "group" else (None, by if method == "time" else None)
    parts = split(n, method=method, share=_SHARE, seed=seed, y=classes, groups=groups, times=times)
    note = f"fitted on {len(parts.train):,} of {n:,} training rows, measured on the others, by {method}"
    return Validation([Fold(parts.train, parts.test)], note=note)


def _folds(n: int, method: str, seed: int, classes: NDArray[Any] | None, by: NDArray[Any] | None) -> list[Fold]:
    nothing = np.zeros(n)
    if method == "time":
        return _later(by)
    if method == "group":
        count = min(_FOLDS, len(pd.unique(by)))
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
