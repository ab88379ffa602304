"""The hold-out with a model's predictions: computed once, used by evaluation, gate and report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.contract.fitted_pipeline import predict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract
    from fasttrack.evaluation import Clusters

__all__ = ["HoldOut", "ask"]


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

    @property
    def told(self) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """Predictions and probabilities."""
        return self.prediction, self.probabilities


def ask(
    pipeline: Any, contract: Contract, X: pd.DataFrame, y: pd.Series[Any], clusters: Clusters | None = None
) -> HoldOut:
    """The rows of `X` [n, f] and `y` [n] with the predictions of `pipeline`. Raises what the pipeline raises."""
    rows = X.to_numpy() if contract.input == "array" else X
    return HoldOut(X, y, *predict(pipeline, rows, probabilities=contract.target.probabilities), clusters)
