"""How drift is measured, and from which values on it is reported: in PromQL for alerts, in Python for a table.

The population stability index of a window is PSI = Σ (a − r)·ln(a / r) over the bins of a feature, where a and r are
the shares of rows now and at training (Siddiqi, Credit Risk Scorecards, 2006; for its distribution Yurdakul, 2018).
Without drift, n rows in b bins give about χ²(b − 1) / n: with 500 rows in ten bins a PSI of 0.02 is chance, 0.2 is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "DRIFT",
    "LEAST_ROWS",
    "MISSING_INCREASE",
    "SHARE_FLOOR",
    "STABLE",
    "SUDDEN_DRIFT",
    "UNSEEN_INCREASE",
    "WINDOWS",
    "Threshold",
    "stability_index",
    "stability_index_promql",
]

WINDOWS = ("1h", "24h", "7d")
"""As PromQL writes them. The first is for the eye only: hours of a day differ from each other in every business."""
LEAST_ROWS = 500
"""Drift of fewer rows is not reported: by chance alone their PSI is about bins / rows."""
SHARE_FLOOR = 1e-4
"""Smaller shares count as this one, so that an empty bin has a logarithm."""


@dataclass(frozen=True)
class Threshold:
    """The value above which a figure over one of the windows is reported."""

    value: float
    window: str
    words: str
    """The window in words."""


DRIFT = Threshold(0.2, "7d", "7 days")
"""PSI. By convention a larger one is a significant shift."""
STABLE = 0.1
"""PSI. By convention a smaller one is no shift."""
SUDDEN_DRIFT = Threshold(2.0, "24h", "24 hours")
"""PSI. Snowstorms in a winter of flights reach 1.7; a column in another unit, all of it in one of ten bins, 8."""
UNSEEN_INCREASE = Threshold(0.01, "24h", "24 hours")
"""Share of rows with an unseen category, minus that at training."""
MISSING_INCREASE = Threshold(0.1, "24h", "24 hours")
"""Share of rows without a value, minus that at training."""


def stability_index(shares: ArrayLike, reference: ArrayLike) -> float:
    """The index of two sets of shares, bin by bin."""
    now, then = np.maximum(shares, SHARE_FLOOR), np.maximum(reference, SHARE_FLOOR)
    return float(((now - then) * np.log(now / then)).sum())


def stability_index_promql(shares: str, reference: str, by: str) -> str:
    """`stability_index` as a PromQL expression over two vectors whose series have the labels `by` and `bin`."""
    now, then = f"clamp_min({shares}, {SHARE_FLOOR:g})", f"clamp_min({reference}, {SHARE_FLOOR:g})"
    on = f"on ({by}, bin)"
    return f"sum by ({by}) (\n  ({now} - {on} {then})\n  * {on} ln({now} / {on} {then})\n)"
