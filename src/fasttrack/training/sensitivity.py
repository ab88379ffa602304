"""Which columns a fitted model depends on: how much its predictions change when a column is shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.fitted_pipeline import call_method

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sensitivity"]

_ROWS = 200


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
    for j in range(rows.shape[1]):
        shuffled = rows.copy(deep=False)
        shuffled.isetitem(j, rows.iloc[random.permutation(len(rows)), j].reset_index(drop=True))
        after = call_method(predict, shuffled.to_numpy() if array else shuffled)
        change = np.abs(after - before) if before.dtype.kind in "fiu" else after != before
        changes.append(float(np.mean(change)))
    return changes
