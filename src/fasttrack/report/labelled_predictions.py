"""True values and predictions of the hold-out rows as numbers, and the error and loss of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.openapi import label_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Target
    from fasttrack.training.holdout import HoldOut

    Floats = NDArray[np.float64]

__all__ = ["LabelledPredictions", "labelled_predictions", "losses"]


@dataclass(frozen=True)
class LabelledPredictions:
    """`truth` and `prediction` of n rows: float64[n] for a regression, int64[n] class codes for a classifier.

    A true label that the model does not know has the code c, which is the number of `classes`. `probabilities`:
    float64[n, c], or `None`.
    """

    truth: NDArray[Any]
    prediction: NDArray[Any]
    probabilities: Floats | None
    classes: list[str] | None
    weights: Floats | None = None
    """The weights of the rows, if they have any."""

    @property
    def errors(self) -> Floats:
        """float64[n]: the absolute error, or 1 where the label is wrong."""
        if self.classes is None:
            absolute: Floats = np.abs(self.truth - self.prediction)
            return absolute
        wrong: Floats = (self.truth != self.prediction).astype(np.float64)
        return wrong


def labelled_predictions(target: Target, held: HoldOut) -> LabelledPredictions:
    """The hold-out rows as numbers."""
    if target.classes is None:
        truth = held.y.to_numpy().astype(np.float64)
        return LabelledPredictions(truth, held.prediction.astype(np.float64), None, None, held.weights)
    codes = {label: code for code, label in enumerate(target.classes)}
    truth, prediction = (
        np.array([codes.get(label, len(codes)) for label in labels], dtype=np.int64)
        for labels in (held.y.tolist(), held.prediction.tolist())
    )
    classes = [label_key(label) for label in target.classes]
    return LabelledPredictions(truth, prediction, held.probabilities, classes, held.weights)


def losses(rows: LabelledPredictions) -> Floats:
    """float64[n], whose mean gives the primary metric: the squared error, the log loss, or 1 for a wrong label."""
    if rows.classes is None:
        squared: Floats = (rows.truth - rows.prediction) ** 2
        return squared
    if rows.probabilities is None:
        return rows.errors
    eps = np.finfo(np.float64).eps
    clipped = np.clip(rows.probabilities, eps, 1 - eps)
    clipped /= clipped.sum(axis=1, keepdims=True)
    known = rows.truth < len(rows.classes)
    of_truth = clipped[np.arange(len(clipped)), np.where(known, rows.truth, 0)]
    loss: Floats = -np.log(np.where(known, of_truth, eps))
    return loss
