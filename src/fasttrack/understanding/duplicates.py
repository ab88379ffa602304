"""Rows that are there several times, and rows that belong together: what a random split would tear apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DuplicateRows", "find_duplicates", "is_ordered_in_time", "rows_per_entity"]


@dataclass(frozen=True)
class DuplicateRows:
    """Identical rows: features and target. `codes` int64[n]: rows with the same code are identical."""

    codes: NDArray[np.int64]
    repeated: int
    """Rows that repeat an earlier one."""


def find_duplicates(X: pd.DataFrame, y: pd.Series[Any]) -> DuplicateRows:
    """Group the rows of `X` [n, f] that are identical in every feature and in the target `y` [n].

    Missing values are equal to each other. Two different rows share a 64-bit hash once in 10^13 pairs or so, and would
    only stay on one side of the split.
    """
    hashes = pd.util.hash_pandas_object(X.assign(**{"\0target": y.to_numpy()}), index=False).to_numpy()
    codes, distinct = pd.factorize(hashes)
    return DuplicateRows(codes.astype(np.int64), len(hashes) - len(distinct))


def rows_per_entity(values: pd.Series[Any]) -> float:
    """How many rows a value has on average; missing values have none."""
    present = values.dropna()
    return len(present) / present.nunique() if len(present) else 0.0


def is_ordered_in_time(moments: pd.Series[Any]) -> bool:
    """Whether rows come in the order of a column of times, in either direction, with at least 20 different moments."""
    present = moments.dropna()
    if len(present) < len(moments) or present.nunique() < 20:
        return False
    return bool(present.is_monotonic_increasing or present.is_monotonic_decreasing)
