"""The choice of a family by cross-validation on the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.errors import TrainingError, in_a_line
from fasttrack.evaluation import primary_metric
from fasttrack.training.families import FAMILIES, build
from fasttrack.training.imbalance import with_class_weight
from fasttrack.training.validation import FOLDS, folds, measure
from fasttrack.training.weights import request_weights

if TYPE_CHECKING:
    from typing import Literal

    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Task
    from fasttrack.training.imbalance import ClassBalance

__all__ = ["FamilyChoice", "choose"]

_SAMPLE = 20_000
_CHOOSE = "choose an estimator: --estimator linear, boosting or forest"


@dataclass(frozen=True)
class FamilyChoice:
    """The family that cross-validation chose, and each family's mean in the primary metric."""

    family: str
    scores: dict[str, float]


def choose(
    columns: Sequence[Column],
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    *,
    method: Literal["random", "group", "time"] = "random",
    by: NDArray[Any] | None = None,
    weights: NDArray[np.float64] | None = None,
    balance: ClassBalance | None = None,
    seed: int = 0,
) -> FamilyChoice:
    """Choose the best of the three families by the primary metric, cross-validated on at most 20,000 of the rows.

    The folds are split by the same `method` as the hold-out, and by the same groups or times `by` [n]: rows of one
    group on both sides would favour a family that memorises groups. `weights` [n] of the rows; `balance` of the
    classes. A simpler family (linear before forest before boosting) is kept if it is within one standard error of the
    best (the one-standard-error rule: Breiman et al., Classification and Regression Trees, 1984). Raises TrainingError
    when the rows cannot be split, or a family cannot be fitted.
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(X))[:_SAMPLE])
    sample, target = X.iloc[rows], np.asarray(y)[rows]
    labels = None if task == "regression" else target
    if labels is not None and method == "random":
        _check_counts(labels)
    parts = folds(len(rows), method=method, seed=seed, classes=labels, by=None if by is None else by[rows])
    if not parts:
        few = "are too few" if labels is None else "are too few, or have too few of a label,"
        raise TrainingError(
            f"auto compares by cross-validation, but the {len(X):,} training rows {few} to be split by {method}; "
            f"{_CHOOSE}"
        )
    metric = primary_metric(task, probabilities=True)
    if balance is not None:
        metric = balance.metric(target, parts, probabilities=True)
    positive = None if balance is None else balance.positive
    of_sample = None if weights is None else weights[rows]
    sign = -1 if metric.greater_is_better else 1
    losses: dict[str, NDArray[np.float64]] = {}
    for family in FAMILIES:
        pipeline = with_class_weight(build(family, columns, task, rows=len(sample), seed=seed), balance)
        if of_sample is not None:
            request_weights(pipeline)
        try:
            measured = [
                measure(pipeline, sample, target, fold, task, metric.name, weights=of_sample, positive=positive)
                for fold in parts
            ]
            losses[family] = sign * np.array(measured)
        except Exception as error:
            raise TrainingError(
                f"{family} cannot be fitted on these columns: {in_a_line(error)}; {_CHOOSE}, or --ignore the column"
            ) from error
    best = min(losses, key=lambda family: losses[family].mean())
    chosen = best
    for family in losses:
        gap = losses[family] - losses[best]
        if family == best or (len(gap) > 1 and gap.mean() <= gap.std(ddof=1) / np.sqrt(len(gap))):
            chosen = family
            break
    return FamilyChoice(chosen, {family: sign * float(values.mean()) for family, values in losses.items()})


def _check_counts(labels: NDArray[Any]) -> None:
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < FOLDS:
        raise TrainingError(
            f"auto compares by {FOLDS}-fold cross-validation, but a class has only {counts.min()} rows; {_CHOOSE}"
        )
