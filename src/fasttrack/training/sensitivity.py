"""Which columns a fitted model heeds: how far its answers move when a column's cells are shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.fitted_pipeline import answer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sensitivity"]

_ROWS = 200


def sensitivity(pipeline: Any, X: pd.DataFrame, *, array: bool, seed: int = 0) -> list[float]:
    """For each column of `X` [n, f] the mean absolute change of the answers, in units of the answer.

    Of labels it is the change of the probabilities, else the share of rows with another label. No target is needed, and
    a few rows do: it ranks columns, no more. `array`: whether the pipeline takes the bare values.
    """
    random = np.random.default_rng(seed)
    some = X.iloc[np.linspace(0, len(X) - 1, min(len(X), _ROWS)).astype(int)].reset_index(drop=True)
    told = pipeline.predict_proba if hasattr(pipeline, "predict_proba") else pipeline.predict
    before = answer(told, some.to_numpy() if array else some)
    moved = []
    for j in range(some.shape[1]):
        shuffled = some.copy(deep=False)
        shuffled.isetitem(j, some.iloc[random.permutation(len(some)), j].reset_index(drop=True))
        after = answer(told, shuffled.to_numpy() if array else shuffled)
        changed = np.abs(after - before) if before.dtype.kind in "fiu" else after != before
        moved.append(float(np.mean(changed)))
    return moved
