"""Which columns a fitted model depends on: how much its predictions change when a column is shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.fitted_pipeline import call_method

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sensitivity"]

_ROWS = 200
_TOGETHER = 16
"""Columns that are predicted in one call, which costs more than its rows where the table is wide."""


def sensitivity(pipeline: Any, X: pd.DataFrame, *, array: bool, seed: int = 0) -> list[float]:
    """For each column of `X` [n, f] the mean absolute change of the predictions, in their unit.

    For labels it is the change of the probabilities, or else the fraction of rows with another label. No target is
    needed, and a few rows are enough, because it only ranks columns. `array`: whether the pipeline takes bare values.
    """
    random = np.random.default_rng(seed)
    rows = X.iloc[np.linspace(0, len(X) - 1, min(len(X), _ROWS)).astype(int)].reset_index(drop=True)
    predict = pipeline.predict_proba if hasattr(pipeline, "predict_proba") else pipeline.predict
    before = call_method(predict, rows.to_numpy() if array else rows)
    changes = []
    columns = range(rows.shape[1])
    for first in columns[::_TOGETHER]:
        together = columns[first : first + _TOGETHER]
        shuffled = _shuffle_each(rows, together, random)
        predictions = call_method(predict, shuffled.to_numpy() if array else shuffled)
        for after in np.split(predictions, len(together)):
            change = np.abs(after - before) if before.dtype.kind in "fiu" else after != before
            changes.append(float(np.mean(change)))
    return changes


def _shuffle_each(rows: pd.DataFrame, columns: range, random: np.random.Generator) -> pd.DataFrame:
    """The rows once for each of the columns, one below the other, with that column shuffled."""
    n = len(rows)
    order = np.tile(np.arange(n), len(columns))
    repeated = rows.iloc[order].reset_index(drop=True)
    for i, j in enumerate(columns):
        shuffled = order.copy()
        shuffled[i * n : (i + 1) * n] = random.permutation(n)
        repeated.isetitem(j, rows.iloc[shuffled, j].reset_index(drop=True))
    return repeated
