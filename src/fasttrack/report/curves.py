"""The points of ROC, precision–recall and calibration curves, from scores and true labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.report.segments import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "CalibrationCurve",
    "area_under",
    "calibration_curve",
    "precision_and_recall",
    "precision_recall_curve",
    "roc_curve",
    "thin",
]

_POINTS = 200
_Z_95 = 1.959964


@dataclass(frozen=True)
class CalibrationCurve:
    """Of each bin: the mean predicted probability, the observed share with its 95 % interval, and the rows."""

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    rows: Floats


def roc_curve(positive: NDArray[Any], score: Floats, weights: Floats | None = None) -> tuple[Floats, Floats] | None:
    """False and true positive rates at each threshold; `None` if only one class occurs."""
    true_positives, false_positives = _cumulative_counts(positive, score, weights)
    if not true_positives[-1] or not false_positives[-1]:
        return None
    return false_positives / false_positives[-1], true_positives / true_positives[-1]


def precision_recall_curve(
    positive: NDArray[Any], score: Floats, weights: Floats | None = None
) -> tuple[Floats, Floats] | None:
    """Recall and precision at each threshold, from the highest; `None` without a positive row."""
    true_positives, false_positives = _cumulative_counts(positive, score, weights)
    if not true_positives[-1]:
        return None
    passed = true_positives + false_positives
    precision = true_positives / np.where(passed > 0, passed, 1)
    precision[0] = precision[1] if len(precision) > 1 else 1.0
    return true_positives / true_positives[-1], precision


def precision_and_recall(
    positive: NDArray[Any], predicted: NDArray[Any], weights: Floats | None = None
) -> tuple[float, float] | None:
    """Precision and recall of predictions; `None` if no row is predicted, or none is positive."""
    weights = np.ones(len(positive)) if weights is None else weights
    parts = (positive & predicted, predicted, positive)
    hits, of_predicted, of_positive = (float(weights[rows].sum()) for rows in parts)
    return (hits / of_predicted, hits / of_positive) if of_predicted and of_positive else None


def area_under(x: Floats, y: Floats) -> float:
    """The area under a piecewise linear curve."""
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def thin(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """About 200 points of a curve, evenly spaced along it, with its ends."""
    if len(x) <= _POINTS:
        return x, y
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], _POINTS)).clip(0, len(x) - 1))
    return x[kept], y[kept]


def calibration_curve(probability: Floats, occurred: NDArray[Any], bins: int = 10) -> CalibrationCurve:
    """Bins of equally many rows, ordered by probability; `occurred` [n]: whether the predicted event took place."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(len(order) // 5, 1))) if len(part)]
    predicted = np.array([probability[part].mean() for part in parts])
    observed = np.array([occurred[part].mean() for part in parts])
    bounds = np.array(
        [wilson_interval(float(rate), len(part), _Z_95) for rate, part in zip(observed, parts, strict=True)]
    )
    rows = np.array([float(len(part)) for part in parts])
    return CalibrationCurve(predicted, observed, bounds[:, 0], bounds[:, 1], rows)


def _cumulative_counts(positive: NDArray[Any], score: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    """True and false positives as the threshold falls from above the highest score; equal scores pass at once."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.asarray(positive, dtype=np.float64)[order]
    counted = np.ones(len(score)) if weights is None else weights[order]
    true_positives = np.concatenate([[0.0], np.cumsum(counted * hits)[last]])
    false_positives = np.concatenate([[0.0], np.cumsum(counted * (1 - hits))[last]])
    return true_positives, false_positives
