"""Rows that depend on each other: several rows of one entity, and rows in the order of time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from fasttrack.understanding.names import is_entity, is_moment, is_place

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["entity_share", "is_ordered_in_time"]

_FEWEST_VALUES = 20
_FEWEST_ROWS_EACH, _MOST_ROWS_EACH = 1.5, 1000
"""On average. A column of fewer has hardly a value twice; one of more has categories."""
_SIGNIFICANT = 1e-3
_ALIKE = 0.05
"""The share of the target's variance that the entities must explain: with many rows, less is significant, too."""
_FEW_ROWS, _SHUFFLES = 20_000, 200
_FEWEST_MOMENTS = 20
_LATE = 0.02
"""The fraction of rows that may be out of order: some arrive late."""
_CODE = re.compile(r"(?=.*[0-9].*[0-9])[A-Za-z0-9]+(?:[-_/#.:][A-Za-z0-9]+)*")
"""A text such as C-00123 or N14228: letters and at least two digits, without a space."""


def entity_share(name: str, values: pd.Series[Any], answers: NDArray[np.float64]) -> float:
    """The share of the target's variance that lies between the things whose ids are `values` [n].

    0 if they are no ids, if few rows have the same one, or if the targets of these are not alike.

    `answers` [n] is the target as numbers, or [n, c] with a column for each class. A column is one of ids by its name
    (an id, a customer, a patient) or by words such as C-00123. It has many values and not very many rows of each: a
    category, such as an airline or a month, has few values. The rows of an entity are alike if the means of the target
    differ more than chance allows (analysis of variance), on ranks.
    """
    if not (is_entity(name) or (not is_place(name) and _are_codes(values))):
        return 0.0
    present = values.notna().to_numpy()
    codes = pd.factorize(values[present])[0]
    distinct = int(codes.max()) + 1 if len(codes) else 0
    if distinct < _FEWEST_VALUES or not _FEWEST_ROWS_EACH <= len(codes) / distinct <= _MOST_ROWS_EACH:
        return 0.0
    return 0.0 if distinct < np.sqrt(len(codes)) / 4 else _share_between(codes, answers[present])


def is_ordered_in_time(name: str, moments: pd.Series[Any]) -> bool:
    """Whether the rows come in the order of a column of times, in either direction, with at least 20 moments.

    A column of whole numbers is one of times by its name, such as `year`. One row in fifty may be late.
    """
    if not pd.api.types.is_datetime64_any_dtype(moments.dtype) and not (
        pd.api.types.is_integer_dtype(moments.dtype) and is_moment(name)
    ):
        return False
    if moments.isna().any() or moments.nunique() < _FEWEST_MOMENTS:
        return False
    seconds = moments.astype("int64").to_numpy()
    steps = np.sign(np.diff(seconds))
    backward = int(min((steps > 0).sum(), (steps < 0).sum()))
    if backward > _LATE * len(steps):
        return False
    # rows of one entity after those of another are in order, too, but for few jumps
    ranks = stats.rankdata(seconds)
    return bool(abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) > 0.99)


def _are_codes(values: pd.Series[Any]) -> bool:
    """Whether words look like the ids of things, as far as the first ones tell."""
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        return False
    sample = [str(word) for word in pd.unique(values[:1000].dropna())]
    return bool(sample) and all(_CODE.fullmatch(word) and not word.isdigit() and len(word) >= 4 for word in sample)


def _share_between(codes: NDArray[np.int64], answers: NDArray[np.float64]) -> float:
    """The intraclass correlation of the groups `codes` [n], if it is significant and not small, else 0.

    Several columns of `answers` count together.
    """
    columns = answers.reshape(len(codes), -1)
    if columns.shape[1] == 1:
        columns = stats.rankdata(columns, axis=0)
    columns = columns - columns.mean(axis=0)
    sizes = np.bincount(codes)
    groups, rows = len(sizes), len(codes)
    total = float(np.sum(columns**2))
    if not total or rows <= groups:
        return 0.0
    between = _between(codes, sizes, columns)
    within, mean_square = (total - between) / (rows - groups), between / (groups - 1)
    if within <= 1e-12 * mean_square:
        return 1.0
    ratio = mean_square / within
    # the share of the variance between groups, without that which chance makes
    size = (rows - float(np.sum(sizes.astype(float) ** 2)) / rows) / (groups - 1)
    alike = (ratio - 1) / (ratio - 1 + size)
    if alike < _ALIKE or stats.f.sf(ratio, groups - 1, rows - groups) >= _SIGNIFICANT:
        return 0.0
    if rows <= _FEW_ROWS:  # of a rare class, a few rows in one group are significant, as the test assumes normal values
        random = np.random.default_rng(0)
        shuffled = (_between(random.permutation(codes), sizes, columns) for _ in range(_SHUFFLES))
        if any(other >= between for other in shuffled):
            return 0.0
    return float(alike)


def _between(codes: NDArray[np.int64], sizes: NDArray[np.int64], columns: NDArray[np.float64]) -> float:
    """The sum of squares between the groups `codes` [n] of centred `columns` [n, c]."""
    sums = [np.bincount(codes, weights=columns[:, j], minlength=len(sizes)) for j in range(columns.shape[1])]
    return float(sum(np.sum(one**2 / sizes) for one in sums))
