"""Columns that give the target away: one that alone predicts it nearly perfectly, or is known only after it.

Such a column is often a copy of the target, computed from it, or filled in when the outcome is known. The figures are
held out: they are measured on rows that the small model of one column has not seen. The work is bounded: at most
400,000 cells are looked at, of any table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fasttrack.understanding.names import is_from_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

__all__ = ["NEARLY_PERFECT", "Leak", "LeakReason", "find_leaks"]

NEARLY_PERFECT = {"regression": 0.985, "classification": 0.975}
"""The share of the target's variance, or of a majority guess's errors, from which on a column is named."""
_SCREEN = 0.8
"""Columns are examined further only if the targets of their neighbouring rows are at least so much alike."""
_NAMED = 0.5
"""The share from which on a column is named whose name says that it was made from the target."""
_FEWEST_ROWS = 50
_CELLS = 400_000
_MOST_ROWS, _LEAST_ROWS = 10_000, 1_000
_FOLDS, _MANY_ROWS = 5, 2_000
"""A table of more rows than these is cut into two parts instead of five: each has enough rows."""
_SAME_ORDER = 0.9998
_STRETCHES, _TREND = 20, 0.9
"""The stretches of time that make the folds, and the correlation with the row number of a column with a trend."""
_FEWEST_ERRORS, _FEW_ERRORS = 8, 40
"""With fewer errors of the most frequent label nothing can be told."""
_FEWEST_FILLED = 10
_CHANCE = 1e-7
"""The probability with which a column may be filled only in rows of one class by chance."""

LeakReason = Literal["values", "missing", "filled", "name"]
"""What gives the target away: the column's values; whether it has one; that it has one only in rows of one class; or
its name, with values that predict more than half."""


@dataclass(frozen=True)
class Leak:
    """A column that gives the target away; `explained` is the held-out share, 0 to 1.

    For `filled`: all `rows` rows that have a value are of the class `label`, and `explained` is 1.
    """

    column: str
    explained: float
    reason: LeakReason = "values"
    label: Any = None
    rows: int = 0


@dataclass(frozen=True)
class _Target:
    """The target as numbers [n]: itself, or codes of its classes; and the folds that the figures are measured on."""

    answers: NDArray[Any]
    folds: list[tuple[Rows, Rows]]
    regression: bool
    trivial: NDArray[np.float64]
    """The prediction without any column: the mean, or the most frequent class, of the rows of the other folds."""

    in_time: bool
    """Whether the rows are in the order of time."""

    @property
    def nearly_perfect(self) -> float:
        """The share from which on a column is named."""
        return NEARLY_PERFECT["regression" if self.regression else "classification"]


def find_leaks(
    X: pd.DataFrame,
    y: pd.Series[Any],
    target_name: str = "y",
    *,
    regression: bool,
    seed: int = 0,
    together: NDArray[np.int64] | None = None,
    in_time: bool = False,
) -> list[Leak]:
    """The columns of `X` [n, f] that give `y` [n], called `target_name`, away; the strongest first.

    A small tree on one column, for words a table of means or classes, is fitted on the other folds of at most 10,000
    rows. `explained` is the share of the variance for a number. For a class it is the share of the errors that one
    makes by guessing the most frequent label. Rows with the same code in `together` [n] stay in one fold. `in_time`:
    the rows are in the order of time, so that stretches of them make the folds, and a common trend is no leak. A table
    with one feature, or with fewer than 50 rows, has no leak: there is nothing else that could predict.
    """
    if X.shape[1] < 2 or len(X) < _FEWEST_ROWS:
        return []
    random = np.random.default_rng(seed)
    size = int(np.clip(_CELLS // X.shape[1], _LEAST_ROWS, _MOST_ROWS))
    rows = np.sort(random.permutation(len(X))[:size])
    sample, labels = X.iloc[rows], y.iloc[rows]
    codes, classes = (None, None) if regression else pd.factorize(labels)
    answers = labels.to_numpy(dtype=np.float64) if codes is None else codes
    if in_time:
        together = np.arange(len(X)) * _STRETCHES // len(X)
    folds = _folds(len(rows), None if together is None else together[rows], random)
    target = _target(answers, folds, regression, in_time=in_time)
    leaks = []
    for column in sample.columns[: max(_CELLS // len(rows), 1)]:
        leak = _leak(sample[column], str(column), target_name, target)
        if leak is None and classes is not None:
            leak = _filled_in_one_class(sample[column], str(column), answers, classes)
        if leak is not None:
            leaks.append(leak)
    return sorted(leaks, key=lambda leak: -leak.explained)


def _folds(n: int, together: NDArray[np.int64] | None, random: np.random.Generator) -> list[tuple[Rows, Rows]]:
    """Rows to fit on and to measure on, so that each row is measured once."""
    groups = np.arange(n) if together is None else pd.factorize(together)[0]
    count = _FOLDS if n <= _MANY_ROWS else 2
    fold = random.permutation(int(groups.max()) + 1)[groups] % count
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count) if (fold == k).any()]


def _target(answers: NDArray[Any], folds: list[tuple[Rows, Rows]], regression: bool, *, in_time: bool) -> _Target:
    trivial = np.empty(len(answers))
    for fit, test in folds:
        trivial[test] = answers[fit].mean() if regression else np.bincount(answers[fit]).argmax()
    return _Target(answers, folds, regression, trivial, in_time)


def _leak(series: pd.Series[Any], name: str, target_name: str, target: _Target) -> Leak | None:
    explained = _explained_by_missing(series.isna().to_numpy(), target)
    if explained >= target.nearly_perfect:
        return Leak(name, explained, "missing")
    ranks = _ranks(series)
    has_trend = target.in_time and abs(_correlation(ranks, np.arange(len(ranks)))) > _TREND
    if target.regression and not has_trend and _has_same_order(ranks, target):
        return Leak(name, 1.0)
    suspect = is_from_target(name, target_name)
    if _neighbours(ranks, target) < (_SCREEN / 2 if suspect else _SCREEN):
        return None
    explained = _explained(ranks, target)
    if pd.api.types.is_numeric_dtype(series.dtype) and not has_trend:
        explained = max(explained, _explained_by_line(series, target))
    elif not pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_datetime64_any_dtype(series.dtype):
        explained = max(explained, _share(_guess_by_word(ranks.astype(np.int64) + 1, target), target))
    if explained >= target.nearly_perfect:
        return Leak(name, explained)
    return Leak(name, explained, "name") if suspect and explained >= _NAMED else None


def _ranks(series: pd.Series[Any]) -> NDArray[np.float32]:
    """The rank of each value among the distinct ones, words in alphabetical order; −1 for a missing value.

    Trees compare in 32 bits, which would make large numbers and times that lie close together the same.
    """
    codes: NDArray[np.int64] = pd.factorize(series, sort=True)[0]
    return codes.astype(np.float32)


def _explained_by_missing(missing: NDArray[np.bool_], target: _Target) -> float:
    """The share that is explained by whether the column has a value; with two groups, no rows need be held out."""
    if not missing.any() or missing.all():
        return 0.0
    guesses = np.empty(len(missing))
    for rows in (missing, ~missing):
        answers = target.answers[rows]
        guesses[rows] = answers.mean() if target.regression else np.bincount(answers).argmax()
    return _share(guesses, target)


def _explained_by_line(series: pd.Series[Any], target: _Target) -> float:
    """The share that a straight line explains, which small trees fit poorly; 0 if the column has missing values."""
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if not target.regression or not np.isfinite(values).all() or not values.std():
        return 0.0
    return float(np.corrcoef(values, target.answers)[0, 1] ** 2)


def _neighbours(ranks: NDArray[np.float32], target: _Target) -> float:
    """An estimate of the share that a column explains, by how alike the targets of neighbouring rows are.

    It costs a hundredth of trees.

    Two rows are neighbours if they have the same value, or if one of them has a value that occurs once.
    """
    order = np.argsort(ranks, kind="stable")
    answers, values = target.answers[order], ranks[order]
    same = values[1:] == values[:-1]
    single = ~np.append(False, same) & ~np.append(same, False)
    pairs = same | single[1:] | single[:-1]
    if not pairs.any():
        return 0.0
    first, second = answers[:-1][pairs], answers[1:][pairs]
    if target.regression:
        spread = float(target.answers.var())
        return 1 - float(np.mean((first - second) ** 2)) / 2 / spread if spread else 0.0
    errors = float((target.answers != target.trivial).mean())
    return 1 - float(np.mean(first != second)) / 2 / errors if errors else 0.0


def _explained(values: NDArray[np.float32], target: _Target) -> float:
    """The share that a tree on one column [n] explains, each fold measured by a tree on the others."""
    column = values.reshape(-1, 1)
    guesses = np.empty(len(column))
    for fit, test in target.folds:
        # depth first: trees that grow best first take ten times as long
        tree: Any = (DecisionTreeRegressor if target.regression else DecisionTreeClassifier)(
            min_samples_leaf=2, max_depth=16, random_state=0
        )
        guesses[test] = tree.fit(column[fit], target.answers[fit]).predict(column[test])
    return _share(guesses, target)


def _guess_by_word(codes: NDArray[np.int64], target: _Target) -> NDArray[np.float64]:
    """For each row the mean, or the most frequent class, of the rows with the same word in the other folds."""
    guesses = np.empty(len(codes))
    words = int(codes.max()) + 1
    for fit, test in target.folds:
        counts = np.bincount(codes[fit], minlength=words)
        if target.regression:
            sums = np.bincount(codes[fit], weights=target.answers[fit], minlength=words)
            by_word = np.divide(sums, counts, out=np.zeros(words), where=counts > 0)
        else:
            # the pairs of word and class by number of rows: the last one of a word is its most frequent class
            pairs, numbers = np.unique(np.column_stack([codes[fit], target.answers[fit]]), axis=0, return_counts=True)
            by_word = np.zeros(words)
            order = np.argsort(numbers, kind="stable")
            by_word[pairs[order, 0]] = pairs[order, 1]
        guesses[test] = np.where(counts[codes[test]] > 0, by_word[codes[test]], target.trivial[test])
    return guesses


def _share(guesses: NDArray[np.float64], target: _Target) -> float:
    if target.regression:
        spread = float(np.sum((target.answers - target.trivial) ** 2))
        return 1 - float(np.sum((target.answers - guesses) ** 2)) / spread if spread else 0.0
    errors = int((target.answers != target.trivial).sum())
    wrong = int((target.answers != guesses).sum())
    if errors < _FEW_ERRORS:  # one row is not counted: next to a boundary, a held-out row may be on either side
        wrong = max(wrong - 1, 0)
    return 1 - wrong / errors if errors >= _FEWEST_ERRORS else 0.0


def _has_same_order(ranks: NDArray[np.float32], target: _Target) -> bool:
    """Whether a column orders the rows as the target does: a transformed copy, such as its logarithm."""
    present = ranks >= 0
    if present.sum() < _FEWEST_ROWS or len(np.unique(ranks[present])) < present.sum() / 2:
        return False
    pair = [pd.Series(values[present]).rank().to_numpy() for values in (ranks, target.answers)]
    return abs(_correlation(*pair)) > _SAME_ORDER


def _correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Pearson's; 0 if one of them is constant."""
    return float(np.corrcoef(first, second)[0, 1]) if first.std() and second.std() else 0.0


def _filled_in_one_class(
    series: pd.Series[Any], name: str, codes: NDArray[np.int64], classes: Sequence[Any]
) -> Leak | None:
    """A column that has values only in rows of one class, such as the reason of a cancellation; `None` if it is none.

    It need not have one in all of these rows.
    """
    filled = series.notna().to_numpy()
    count = int(filled.sum())
    if count < _FEWEST_FILLED or filled.all():
        return None
    by_class = np.bincount(codes[filled], minlength=len(classes))
    first = int(by_class.argmax())
    share = float((codes == first).mean())
    if by_class[first] < count or count * np.log(share) > np.log(_CHANCE):
        return None
    return Leak(name, 1.0, "filled", classes[first], count)
