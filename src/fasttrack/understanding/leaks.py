"""Columns that give the target away: one that alone predicts it nearly perfectly, and several that add up to it.

Such a column is often a copy of the target, computed from it, or known only after it. The figures are held out: they
are measured on rows that the small model of one column has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["NEARLY_PERFECT", "Leak", "find_leaks", "find_parts_of_target", "signed_sum"]

NEARLY_PERFECT = 0.97
"""The share of the target's variance, or of a majority guess's errors, from which on a column is named."""
_MIN_ROWS = 50
_CELLS = 400_000
"""Rows times columns that are looked at: fewer rows of wide tables."""
_MOST_ROWS, _LEAST_ROWS = 10_000, 1_000
_SAME_ORDER = 0.9998
_MIN_ERRORS = 8
"""With fewer errors of the most frequent label nothing can be told."""
_EXACT = 1e-7


@dataclass(frozen=True)
class Leak:
    """A column that alone predicts the target; `explained` is the held-out share, 0 to 1."""

    column: str
    explained: float


def find_leaks(
    X: pd.DataFrame, y: pd.Series[Any], *, regression: bool, seed: int = 0, together: NDArray[np.int64] | None = None
) -> list[Leak]:
    """The columns of `X` [n, f] that alone predict `y` [n] nearly perfectly, the strongest first.

    A shallow tree on one column is fitted on one half of at most 10,000 rows and measured on the other, then the other
    way round. `explained` is the share of the variance for a number. For a class it is the share of the errors that one
    makes by guessing the most frequent label. Rows with the same code in `together` [n] stay in one half. A table with
    one feature, or with fewer than 50 rows, has no leak: there is nothing else that could predict.
    """
    if X.shape[1] < 2 or len(X) < _MIN_ROWS:
        return []
    random = np.random.default_rng(seed)
    size = int(np.clip(_CELLS // X.shape[1], _LEAST_ROWS, _MOST_ROWS))
    rows = np.sort(random.permutation(len(X))[:size])
    sample, target = X.iloc[rows], y.iloc[rows]
    groups = np.arange(len(rows)) if together is None else pd.factorize(together[rows])[0]
    half = random.permutation(int(groups.max()) + 1) % 2 == 0
    halves = np.flatnonzero(half[groups]), np.flatnonzero(~half[groups])
    answers = target.to_numpy(dtype=np.float64) if regression else pd.factorize(target)[0]
    leaks = []
    for name in sample.columns:
        explained = _explained(sample[name], answers, halves, regression=regression)
        if explained >= NEARLY_PERFECT:
            leaks.append(Leak(str(name), explained))
    return sorted(leaks, key=lambda leak: -leak.explained)


def find_parts_of_target(X: pd.DataFrame, y: pd.Series[Any]) -> list[tuple[str, int]]:
    """Two or more numeric columns of `X` that add up to the number `y`, each with its sign; empty if there are none.

    They are found by least squares: every coefficient is 1 or −1, and no row is off.
    """
    numbers = X.select_dtypes("number")
    whole = numbers.notna().all(axis=1).to_numpy()
    if numbers.shape[1] < 2 or whole.sum() < max(_MIN_ROWS, 2 * numbers.shape[1]):
        return []
    rows = np.flatnonzero(whole)[:_MOST_ROWS]
    columns = numbers.to_numpy(dtype=np.float64)[rows]
    answers = y.to_numpy(dtype=np.float64)[rows]
    centred, wanted = columns - columns.mean(axis=0), answers - answers.mean()
    scale = centred.std(axis=0)
    used = np.flatnonzero(scale > 0)
    if len(used) < 2 or not wanted.any():
        return []
    solution = np.linalg.lstsq(centred[:, used] / scale[used], wanted, rcond=None)[0] / scale[used]
    signs = np.round(solution)
    parts = used[signs != 0]
    if len(parts) < 2 or (np.abs(signs) > 1).any():
        return []
    off = np.abs(centred[:, parts] @ signs[signs != 0] - wanted).max()
    if off > _EXACT * np.abs(wanted).max():
        return []
    return [(str(numbers.columns[j]), int(sign)) for j, sign in zip(parts, signs[signs != 0], strict=True)]


def _numeric(series: pd.Series[Any], answers: NDArray[Any], fit: NDArray[np.int64]) -> NDArray[np.float64]:
    """A column as float64[n] that a tree can split: words by the mean answer of their rows in the fitted half."""
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        present = series.notna().to_numpy()
        moments = series.astype("int64").to_numpy().astype(np.float64)
        return np.where(present, moments, np.nan)
    if pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        numbers: NDArray[np.float64] = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers
    codes = pd.factorize(series)[0] + 1
    sums = np.bincount(codes[fit], weights=answers[fit], minlength=codes.max() + 1)
    counts = np.bincount(codes[fit], minlength=codes.max() + 1)
    means = np.divide(sums, counts, out=np.full(len(sums), float(np.mean(answers[fit]))), where=counts > 0)
    encoded: NDArray[np.float64] = means[codes]
    return encoded


def _explained(
    series: pd.Series[Any],
    answers: NDArray[Any],
    halves: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    regression: bool,
) -> float:
    """The share that a tree on one column explains, each half measured by the tree of the other."""
    guesses = np.empty(len(answers))
    trivial = np.empty(len(answers))
    for fit, test in (halves, halves[::-1]):
        values = _numeric(series, answers, fit)
        if regression and _has_same_order(values, answers):
            return 1.0
        tree: Any = (DecisionTreeRegressor if regression else DecisionTreeClassifier)(
            min_samples_leaf=2, max_leaf_nodes=1000, random_state=0
        )
        with np.errstate(all="ignore"):  # trees compare in float32
            narrow = values.astype(np.float32)
        usable = np.where(np.isfinite(narrow), narrow, np.nan).reshape(-1, 1)
        guesses[test] = tree.fit(usable[fit], answers[fit]).predict(usable[test])
        trivial[test] = answers[fit].mean() if regression else np.bincount(answers[fit]).argmax()
    if regression:
        spread = float(np.sum((answers - trivial) ** 2))
        return 1 - float(np.sum((answers - guesses) ** 2)) / spread if spread else 0.0
    errors = int((answers != trivial).sum())
    return 1 - int((answers != guesses).sum()) / errors if errors >= _MIN_ERRORS else 0.0


def _has_same_order(values: NDArray[np.float64], answers: NDArray[np.float64]) -> bool:
    """Whether a column orders the rows as the target does: a transformed copy, such as its logarithm."""
    present = np.isfinite(values)
    if present.sum() < _MIN_ROWS or len(np.unique(values[present])) < present.sum() / 2:
        return False
    ranks = [pd.Series(series[present]).rank().to_numpy() for series in (values, answers)]
    return bool(abs(np.corrcoef(*ranks)[0, 1]) > _SAME_ORDER)


def signed_sum(parts: Sequence[tuple[str, int]]) -> str:
    """The parts as a sum in words, such as `casual + registered`."""
    first, *others = parts
    text = ("−" if first[1] < 0 else "") + repr(first[0])
    return text + "".join(f" {'−' if sign < 0 else '+'} {name!r}" for name, sign in others)
