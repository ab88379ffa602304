"""The hold-out with a model's predictions: computed once, used by evaluation, gate and report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fasttrack.contract.fitted_pipeline import predict
from fasttrack.evaluation import Clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract

__all__ = ["HoldOut", "holdout_clusters", "predict_holdout"]

_PERIODS = 30
"""The number of periods that a hold-out by time is cut into, as for the margin of live quality."""


@dataclass(frozen=True)
class HoldOut:
    """Features `X` [n, f], true values `y` [n], and the model's predictions [n] and probabilities [n, c].

    `clusters`: rows that depend on each other, if that is known.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    prediction: NDArray[Any]
    probabilities: NDArray[np.float64] | None
    clusters: Clusters | None = None
    weights: NDArray[np.float64] | None = None
    """The weights of the rows [n], if they have any."""

    @property
    def predictions(self) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """Predictions and probabilities."""
        return self.prediction, self.probabilities


def predict_holdout(
    pipeline: Any,
    contract: Contract,
    X: pd.DataFrame,
    y: pd.Series[Any],
    clusters: Clusters | None = None,
    weights: NDArray[np.float64] | None = None,
) -> HoldOut:
    """The rows of `X` [n, f] and `y` [n] with the predictions of `pipeline`. Raises what the pipeline raises."""
    rows = X.to_numpy() if contract.input == "array" else X
    return HoldOut(X, y, *predict(pipeline, rows, probabilities=contract.target.probabilities), clusters, weights)


def holdout_clusters(method: str, by: NDArray[Any] | None) -> Clusters | None:
    """The rows that depend on each other; `by` [n] are their groups, times, or numbers of identical rows.

    They are those of a group, those of a period, or, of a random split, those that are identical. Rows of one group,
    and rows that follow each other in time, are alike. If they were resampled one by one, intervals would be too
    narrow, and a version could be promoted because a few groups or days favoured it by chance.
    """
    if by is None:
        return None
    if method == "random":
        codes, distinct = pd.factorize(by)
        return Clusters(codes.astype(np.int64), "distinct rows") if len(distinct) < len(by) else None
    if method == "group":
        codes = np.unique(by.astype(str) if by.dtype == object else by, return_inverse=True)[1]
        return Clusters(codes, "groups")
    codes = np.empty(len(by), dtype=np.int64)
    for code, rows in enumerate(np.array_split(np.argsort(by, kind="stable"), min(_PERIODS, len(by)))):
        codes[rows] = code
    return Clusters(codes, "periods")
