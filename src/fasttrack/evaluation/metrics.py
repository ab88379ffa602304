"""Metrics of predictions as functions of the weights of the rows, so that all resamples are measured at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Target, Task

    Floats = NDArray[np.float64]
    Statistic = Callable[[Floats], Floats]
    """Row weights float64[b, n] → the metric under each, float64[b]; NaN where it is undefined."""

__all__ = [
    "PrimaryMetric",
    "class_codes",
    "is_rare",
    "metric_statistics",
    "metric_values",
    "primary_metric",
    "primary_metric_of",
    "whole_table",
]


_RARE = 0.2


@dataclass(frozen=True)
class PrimaryMetric:
    """The metric by which two models are compared."""

    name: str
    greater_is_better: bool


def is_rare(rows: float, all_rows: float, classes: int) -> bool:
    """Whether a class has less than a fifth of an equal share of the rows: of two classes, less than a tenth."""
    return rows < _RARE * all_rows / classes


def primary_metric_of(target: Target) -> PrimaryMetric:
    """The metric by which models of `target` are compared."""
    return primary_metric(target.task, target.probabilities, imbalanced=target.imbalanced)


def primary_metric(task: Task, probabilities: bool, *, imbalanced: bool = False) -> PrimaryMetric:
    """RMSE for regression; for classifiers log loss, or accuracy without probabilities.

    `imbalanced`: average precision, or F1 without probabilities, and macro F1 for several classes. In these a rare
    class counts fully, and the shift of the probabilities by class weights does not distort them.
    """
    if task == "regression":
        return PrimaryMetric("rmse", False)
    if imbalanced:
        name = "f1_macro" if task == "multiclass" else "average_precision" if probabilities else "f1"
        return PrimaryMetric(name, True)
    return PrimaryMetric("log_loss", False) if probabilities else PrimaryMetric("accuracy", True)


def metric_values(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
    *,
    weights: Floats | None = None,
    positive: int | None = None,
) -> dict[str, float]:
    """The values of the metrics, as `evaluate`, without intervals."""
    if not len(y_true):
        return {}
    once = whole_table(len(y_true), weights)
    statistics = metric_statistics(task, y_true, prediction, probabilities, classes, positive=positive)
    with np.errstate(all="ignore"):
        values = {name: float(statistic(once)[0]) for name, statistic in statistics.items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def whole_table(n: int, weights: Floats | None) -> Floats:
    """Each of n rows once, or by its weight: float64[1, n]."""
    return np.ones((1, n)) if weights is None else weights[None, :]


def metric_statistics(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None,
    classes: Sequence[Any] | None,
    *,
    positive: int | None = None,
) -> dict[str, Statistic]:
    """Each metric as a function of the weights of the rows; the arguments are those of `evaluate`."""
    if task == "regression":
        return _regression(np.asarray(y_true, dtype=np.float64), np.asarray(prediction, dtype=np.float64))
    labels = classes or sorted(set(y_true))
    truth, predicted = class_codes(y_true, labels), class_codes(prediction, labels)
    shares = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    if task == "binary":
        return _binary(truth, predicted, shares, positive)
    return _multiclass(truth, predicted, shares, len(labels))


def class_codes(values: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.int64]:
    """int[n]: the index of each of `values` in `classes`; len(classes) for an unknown label, which is always wrong.

    If `classes` is a range, the values are codes already.
    """
    if isinstance(classes, range):
        return values
    codes = {label: code for code, label in enumerate(classes)}
    return np.array([codes.get(_plain(label), len(classes)) for label in values], dtype=np.int64)


def _regression(truth: Floats, prediction: Floats) -> dict[str, Statistic]:
    error = truth - prediction
    squared, absolute = error**2, np.abs(error)
    centred = truth - truth.mean()  # the variance is the same, and more precise

    def r2(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        variance = weights @ centred**2 - (weights @ centred) ** 2 / total
        with np.errstate(divide="ignore", invalid="ignore"):
            values: Floats = np.where(variance > 0, 1 - (weights @ squared) / variance, np.nan)
        return values

    return {
        "rmse": lambda weights: np.sqrt(_mean(weights, squared)),
        "mae": lambda weights: _mean(weights, absolute),
        "r2": r2,
    }


def _binary(
    truth: NDArray[np.int64], prediction: NDArray[np.int64], shares: Floats | None, positive: int | None
) -> dict[str, Statistic]:
    """`positive` is the class for average precision and F1; `None`: F1 of the second class, no average precision."""
    right = (truth == prediction).astype(np.float64)
    code = 1 if positive is None else positive
    statistics: dict[str, Statistic] = {}
    if shares is not None:
        occurred = (truth == code).astype(np.float64)
        loss, gap = _log_losses(truth, shares, 2), (shares[:, code] - occurred) ** 2
        if positive is not None:
            statistics["average_precision"] = _average_precision(occurred, shares[:, code])
        statistics["log_loss"] = lambda weights: _mean(weights, loss)
        statistics["roc_auc"] = _auc(occurred, shares[:, code])
        statistics["brier"] = lambda weights: _mean(weights, gap)
    statistics["accuracy"] = lambda weights: _mean(weights, right)
    statistics["f1"] = lambda weights: _f1(weights, truth == code, prediction == code)
    return statistics


def _multiclass(
    truth: NDArray[np.int64], prediction: NDArray[np.int64], shares: Floats | None, n_classes: int
) -> dict[str, Statistic]:
    right = (truth == prediction).astype(np.float64)
    statistics: dict[str, Statistic] = {}
    if shares is not None:
        loss = _log_losses(truth, shares, n_classes)
        statistics["log_loss"] = lambda weights: _mean(weights, loss)
    statistics["accuracy"] = lambda weights: _mean(weights, right)
    present = sorted(set(truth) | set(prediction))
    # never all NaN: every resample has at least one row, and so one class
    statistics["f1_macro"] = lambda weights: np.nanmean(
        [_f1(weights, truth == k, prediction == k) for k in present], axis=0
    )
    if shares is not None:
        curves = [_auc((truth == k).astype(np.float64), shares[:, k]) for k in range(n_classes)]
        statistics["roc_auc_ovr"] = lambda weights: np.mean([curve(weights) for curve in curves], axis=0)
    return statistics


def _log_losses(truth: NDArray[np.int64], shares: Floats, n_classes: int) -> Floats:
    known = truth < n_classes
    eps = np.finfo(np.float64).eps
    clipped = np.clip(shares, eps, 1 - eps)
    clipped /= clipped.sum(axis=1, keepdims=True)
    losses: Floats = -np.log(np.where(known, clipped[np.arange(len(truth)), np.where(known, truth, 0)], eps))
    return losses


def _mean(weights: Floats, values: Floats) -> Floats:
    mean: Floats = (weights @ values) / weights.sum(axis=1)
    return mean


def _f1(weights: Floats, truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> Floats:
    """NaN where no drawn row has or gets the class: 0 would lower the interval of a rare class."""
    hits = weights @ (truth & prediction).astype(np.float64)
    total = weights @ truth.astype(np.float64) + weights @ prediction.astype(np.float64)
    return np.where(total > 0, 2 * hits / np.where(total > 0, total, 1), np.nan)


def _auc(positive: Floats, score: Floats) -> Statistic:
    """Weighted ROC AUC: the fraction of pairs that are ranked correctly, ties counting half (Hanley & McNeil, 1982)."""
    order = np.argsort(score, kind="stable")
    _, first = np.unique(score[order], return_index=True)
    sorted_positive = positive[order]

    def auc(weights: Floats) -> Floats:
        ordered = weights[:, order]
        ups = np.add.reduceat(ordered * sorted_positive, first, axis=1)
        downs = np.add.reduceat(ordered * (1 - sorted_positive), first, axis=1)
        below = np.cumsum(downs, axis=1) - downs
        pairs = ups.sum(axis=1) * downs.sum(axis=1)
        right = (ups * (below + downs / 2)).sum(axis=1)
        area: Floats = np.where(pairs > 0, right / np.where(pairs > 0, pairs, 1), np.nan)
        return area

    return auc


def _average_precision(positive: Floats, score: Floats) -> Statistic:
    """Weighted average precision: the mean, over the positive rows, of the precision at the score of each."""
    order = np.argsort(-score, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    sorted_positive = positive[order]

    def average_precision(weights: Floats) -> Floats:
        ordered = weights[:, order]
        hits = np.add.reduceat(ordered * sorted_positive, first, axis=1)
        found, passed = np.cumsum(hits, axis=1), np.cumsum(np.add.reduceat(ordered, first, axis=1), axis=1)
        precision = found / np.where(passed > 0, passed, 1)
        total = found[:, -1]
        mean: Floats = np.where(total > 0, (hits * precision).sum(axis=1) / np.where(total > 0, total, 1), np.nan)
        return mean

    return average_precision


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
