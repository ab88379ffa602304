"""Candidates on the same folds of the training rows: their losses, their times, and what they predict there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.leaderboard import Leaderboard, Standing
from fasttrack.errors import TrainingError
from fasttrack.evaluation import primary_metric
from fasttrack.training.validation import FOLDS, folds, predict_fold, score_fold
from fasttrack.training.weights import request_weights

if TYPE_CHECKING:
    from typing import Literal

    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task
    from fasttrack.training.validation import Fold, FoldPrediction

    Floats = NDArray[np.float64]

__all__ = ["CHOOSE", "CrossValidation", "Measured", "plan", "rank"]

_SAMPLE = 20_000
_FEW, _MORE_FOLDS = 2_000, 5
"""Regression on up to so many rows, split at random, has so many folds: one extreme row can spoil a fold's RMSE."""
CHOOSE = "choose an estimator: --estimator linear, boosting or forest"
"""What to do where candidates cannot be compared."""


@dataclass(frozen=True)
class Measured:
    """A candidate's loss on each fold, how long that took, and its predictions [m] or probabilities [m, c].

    The m rows are the measured ones of all folds, one fold after the other; the c classes are all of them, in order.
    """

    name: str
    losses: Floats
    seconds: float
    output: Floats

    @property
    def loss(self) -> float:
        """The mean over the folds."""
        return float(self.losses.mean())

    @property
    def error(self) -> float | None:
        """The standard error of the mean; `None` with a single fold."""
        return float(self.losses.std(ddof=1) / np.sqrt(len(self.losses))) if len(self.losses) > 1 else None


@dataclass(frozen=True)
class CrossValidation:
    """The folds of a sample of the training rows, `X` [n, f] and `y` [n]."""

    X: pd.DataFrame
    y: NDArray[Any]
    task: Task
    metric: str
    folds: list[Fold]
    note: str
    clock: Callable[[], float]
    weights: Floats | None = None
    """The weights of the rows [n], if they have any."""

    @property
    def truth(self) -> NDArray[Any]:
        """The true values [m] of the measured rows."""
        return np.concatenate([self.y[fold.test] for fold in self.folds])

    @property
    def tested_weights(self) -> Floats | None:
        """The weights [m] of the measured rows, if they have any."""
        return None if self.weights is None else np.concatenate([self.weights[fold.test] for fold in self.folds])

    @property
    def classes(self) -> list[Any]:
        """All labels of a classifier, in order."""
        return list(np.unique(self.y).tolist())

    def measure(self, name: str, estimator: Any) -> Measured:
        """Fit and measure copies of `estimator` on the folds. Raises what it raises, and ValueError without a loss."""
        start = self.clock()
        if self.weights is not None:
            request_weights(estimator)
        predicted = [
            predict_fold(estimator, self.X, self.y, fold, self.task, self.metric, self.weights) for fold in self.folds
        ]
        losses = [
            score_fold(prediction, self.y, fold, self.task, self.metric, self.weights)
            for prediction, fold in zip(predicted, self.folds, strict=True)
        ]
        seconds = self.clock() - start
        output = np.concatenate([self._output(prediction) for prediction in predicted])
        return Measured(name, np.array(losses), seconds, output)

    def _output(self, predicted: FoldPrediction) -> Floats:
        if predicted.classes is None or predicted.probabilities is None:
            return np.asarray(predicted.prediction, dtype=np.float64)
        output = np.zeros((len(predicted.prediction), len(self.classes)))
        position = {label: column for column, label in enumerate(self.classes)}
        output[:, [position[label] for label in predicted.classes]] = predicted.probabilities
        return output


def plan(
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    *,
    method: Literal["random", "group", "time"],
    by: NDArray[Any] | None,
    weights: Floats | None = None,
    seed: int,
    clock: Callable[[], float],
) -> CrossValidation:
    """The cross-validation on at most 20,000 of the rows, split by the same `method` as the hold-out.

    The groups or times `by` [n] are the same too: rows of one group on both sides would favour models that memorise
    groups.
    `weights` [n] of the rows.
    Raises TrainingError when the rows cannot be split.
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(X))[:_SAMPLE])
    sample, target = X.iloc[rows], np.asarray(y)[rows]
    labels = None if task == "regression" else target
    if labels is not None and method == "random":
        _check_counts(labels)
    parts = folds(
        len(rows),
        method=method,
        seed=seed,
        classes=labels,
        by=None if by is None else by[rows],
        most=_most_folds(task, len(rows), method),
    )
    if not parts:
        few = "are too few" if labels is None else "are too few, or have too few of a label,"
        raise TrainingError(
            f"auto compares by cross-validation, but the {len(X):,} training rows {few} to be split by {method}; "
            f"{CHOOSE}"
        )
    of = "" if len(rows) == len(X) else f" of {len(X):,}"
    of_sample = None if weights is None else weights[rows]
    note = f"{len(parts)}-fold cross-validation of {len(rows):,}{of} training rows, by {method}"
    metric = primary_metric(task, probabilities=True).name
    return CrossValidation(sample, target, task, metric, parts, note, clock, of_sample)


def rank(data: CrossValidation, measured: Sequence[Measured], weights: Mapping[str, float], rule: str) -> Leaderboard:
    """The leaderboard of the candidates `measured`; `weights`: the shares of those that were chosen, by their names."""
    return Leaderboard(
        metric=data.metric,
        validation=data.note,
        rule=rule,
        standings=[
            Standing(
                name=candidate.name,
                score=candidate.loss,
                error=candidate.error,
                weight=weights.get(candidate.name),
                seconds=round(candidate.seconds, 3),
            )
            for candidate in sorted(measured, key=lambda candidate: candidate.loss)
        ],
    )


def _most_folds(task: Task, rows: int, method: str) -> int:
    return _MORE_FOLDS if task == "regression" and method == "random" and rows <= _FEW else FOLDS


def _check_counts(labels: NDArray[Any]) -> None:
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < FOLDS:
        raise TrainingError(
            f"auto compares by {FOLDS}-fold cross-validation, but a class has only {counts.min()} rows; {CHOOSE}"
        )
