"""Truth and answer of the hold-out rows as numbers, and by how much each row's answer is off."""

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

__all__ = ["Answers", "answers", "losses"]


@dataclass(frozen=True)
class Answers:
    """Of n rows the `truth` and the `guess`: numbers float64[n]; of classes their codes int64[n].

    A label that the model does not know has the code c, the number of `classes`. `shares`: probabilities [n, c].
    """

    truth: NDArray[Any]
    guess: NDArray[Any]
    shares: Floats | None
    classes: list[str] | None

    @property
    def errors(self) -> Floats:
        """float64[n]: the absolute error, or 1 where the label is wrong."""
        if self.classes is None:
            off: Floats = np.abs(self.truth - self.guess)
            return off
        wrong: Floats = (self.truth != self.guess).astype(np.float64)
        return wrong


def answers(target: Target, held: HoldOut) -> Answers:
    """The rows' answers as numbers."""
    if target.classes is None:
        truth = held.y.to_numpy().astype(np.float64)
        return Answers(truth, held.prediction.astype(np.float64), None, None)
    codes = {label: code for code, label in enumerate(target.classes)}
    truth, guess = (
        np.array([codes.get(label, len(codes)) for label in labels], dtype=np.int64)
        for labels in (held.y.tolist(), held.prediction.tolist())
    )
    return Answers(truth, guess, held.probabilities, [label_key(label) for label in target.classes])


def losses(told: Answers) -> Floats:
    """float64[n]: what the primary figure averages: squared error, log loss, or 1 where the label is wrong."""
    if told.classes is None:
        squared: Floats = (told.truth - told.guess) ** 2
        return squared
    if told.shares is None:
        return told.errors
    eps = np.finfo(np.float64).eps
    clipped = np.clip(told.shares, eps, 1 - eps)
    clipped /= clipped.sum(axis=1, keepdims=True)
    known = told.truth < len(told.classes)
    of_truth = clipped[np.arange(len(clipped)), np.where(known, told.truth, 0)]
    loss: Floats = -np.log(np.where(known, of_truth, eps))
    return loss
