"""The points of ROC, precision–recall and calibration curves, from scores and truths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.report.segments import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Reliability", "area", "precision_recall", "reliability", "roc"]

_POINTS = 200
_Z_95 = 1.959964


@dataclass(frozen=True)
class Reliability:
    """Of each bin the mean probability, the share that came true with its 95 % interval, and the rows."""

    told: Floats
    came: Floats
    low: Floats
    high: Floats
    rows: Floats


def roc(positive: NDArray[Any], score: Floats) -> tuple[Floats, Floats] | None:
    """False and true positive rates at each threshold; `None` where only one class is there."""
    ups, downs = _counted(positive, score)
    if not ups[-1] or not downs[-1]:
        return None
    return downs / downs[-1], ups / ups[-1]


def precision_recall(positive: NDArray[Any], score: Floats) -> tuple[Floats, Floats] | None:
    """Recall and precision at each threshold, from the highest; `None` without a positive row."""
    ups, downs = _counted(positive, score)
    if not ups[-1]:
        return None
    taken = np.maximum(ups + downs, 1)
    precision = ups / taken
    precision[0] = precision[1] if len(precision) > 1 else 1.0
    return ups / ups[-1], precision


def area(x: Floats, y: Floats) -> float:
    """Under a line of straight pieces."""
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """About 200 points that are evenly far apart on the way from the first to the last."""
    if len(x) <= _POINTS:
        return x, y
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    picked = np.unique(np.searchsorted(way, np.linspace(0, way[-1], _POINTS)).clip(0, len(x) - 1))
    return x[picked], y[picked]


def reliability(share: Floats, came: NDArray[Any], bins: int = 10) -> Reliability:
    """Bins of equally many rows, in the order of the probability."""
    order = np.argsort(share, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(len(order) // 5, 1))) if len(part)]
    told = np.array([share[part].mean() for part in parts])
    rates = np.array([came[part].mean() for part in parts])
    bounds = np.array([wilson(float(rate), len(part), _Z_95) for rate, part in zip(rates, parts, strict=True)])
    return Reliability(told, rates, bounds[:, 0], bounds[:, 1], np.array([float(len(part)) for part in parts]))


def _counted(positive: NDArray[Any], score: Floats) -> tuple[Floats, Floats]:
    """True and false positives when the highest score, the two highest … are taken; equal scores at once."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.asarray(positive, dtype=np.float64)[order]
    ups = np.concatenate([[0.0], np.cumsum(hits)[last]])
    downs = np.concatenate([[0.0], np.cumsum(1 - hits)[last]])
    return ups, downs
