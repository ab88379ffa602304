"""Rows that occur several times: a random split would put copies of a row on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DuplicateRows", "find_duplicates"]

_MANY = 20
_COPIES = 0.9
"""How often rows with the same features must have the same target, corrected for chance, to be copies."""


@dataclass(frozen=True)
class DuplicateRows:
    """Identical rows: features and target. `codes` int64[n]: rows with the same code are identical.

    Rows repeat by their nature where the columns have few combinations, such as class, sex and survival: these are
    not copies. If they were kept on one side of a split, no model could learn the combinations of the other side.
    """

    codes: NDArray[np.int64]
    repeated: int
    """Rows that repeat an earlier one."""
    copies: bool
    """Whether they are copies. They are not if the columns have few combinations of values, which explains them."""


def find_duplicates(X: pd.DataFrame, y: pd.Series[Any]) -> DuplicateRows:
    """Group the rows of `X` [n, f] that are identical in every feature and in the target `y` [n].

    Missing values are equal to each other. Two different rows share a 64-bit hash once in 10^13 pairs or so, and would
    only stay on one side of the split.

    Identical rows are taken for repetitions by nature, not for copies, in two cases: the features have at most as many
    combinations of values as there are rows; or rows with the same features often have another target (Cohen's kappa
    under 0.9), which copies never have.
    """
    target = y.reset_index(drop=True)
    features = pd.util.hash_pandas_object(X, index=False).to_numpy()
    own = pd.util.hash_pandas_object(target, index=False).to_numpy()
    codes, distinct = pd.factorize(features * np.uint64(0x9E3779B97F4A7C15) + own)
    repeated = len(codes) - len(distinct)
    copies = bool(repeated) and not _has_few_combinations(X) and _agreement(pd.factorize(features)[0], codes, own)
    return DuplicateRows(codes.astype(np.int64), repeated, copies)


def _has_few_combinations(X: pd.DataFrame) -> bool:
    """Whether the features have at most as many combinations as there are rows, so that rows must repeat.

    Words that follow from the words of another column, as a country's code from its name, do not add to them. A column
    of fractions has more values than those that happen to be in the table.
    """
    combinations = 1
    counted: list[NDArray[np.int64]] = []
    sizes = [(X.iloc[:, j].nunique(dropna=False), j) for j in range(X.shape[1])]
    for size, j in sorted(sizes, reverse=True):
        if size < 2:
            break  # so are all that follow
        column = X.iloc[:, j]
        words = not pd.api.types.is_numeric_dtype(column.dtype)
        if size >= _MANY and pd.api.types.is_float_dtype(column.dtype) and (column % 1 > 0).any():
            return False
        codes = pd.factorize(column)[0] + 1 if words else np.empty(0, dtype=np.int64)
        if words and any(_follows(codes, other) for other in counted):
            continue
        combinations *= size
        if combinations > len(X):
            return False
        if words:
            counted.append(codes)
    return True


def _follows(codes: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether each value of `other` comes with one value of `codes` only."""
    return len(pd.unique(other * (int(codes.max()) + 1) + codes)) == len(pd.unique(other))


def _agreement(features: NDArray[np.int64], rows: NDArray[np.int64], target: NDArray[np.uint64]) -> bool:
    """Whether pairs of rows with the same features nearly always have the same target, corrected for chance."""
    pairs, alike = _pairs(features), _pairs(rows)
    chance = _pairs(pd.factorize(target)[0]) / (len(target) * (len(target) - 1) / 2)
    return alike / pairs >= chance + _COPIES * (1 - chance)


def _pairs(codes: NDArray[np.int64]) -> float:
    """The number of pairs of rows with the same code."""
    sizes = np.bincount(codes).astype(np.float64)
    return float(np.sum(sizes * (sizes - 1)) / 2)
