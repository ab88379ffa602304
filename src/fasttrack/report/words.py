"""Numbers and figures as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["METRICS", "MetricName", "decimals_for", "fixed", "number", "percent"]

_PERCENT = "\u00a0%"
"""With a space where no line breaks."""


class MetricName(NamedTuple):
    """How a figure is called, what it says, and which way is better."""

    name: str
    says: str
    greater_is_better: bool


METRICS = {
    "rmse": MetricName("RMSE", "root of the mean squared error", False),
    "mae": MetricName("MAE", "mean absolute error", False),
    "r2": MetricName("R²", "share of the variance explained", True),
    "log_loss": MetricName("Log loss", "how far probabilities are from what came", False),
    "roc_auc": MetricName("ROC AUC", "share of pairs ranked right", True),
    "roc_auc_ovr": MetricName("ROC AUC", "each class against the rest, mean", True),
    "brier": MetricName("Brier score", "mean squared error of the probability", False),
    "accuracy": MetricName("Accuracy", "share of right labels", True),
    "f1": MetricName("F1", "of the second class: precision and recall", True),
    "f1_macro": MetricName("F1, macro", "mean over the classes", True),
}


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits: `12.35`, `1,234`, `1.2e-15`."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-4 or size >= 1e9:
        return _minus(f"{value:.{digits - 1}g}")
    before = math.floor(math.log10(size)) + 1
    text = f"{value:,.{max(digits - before, 0)}f}"
    return _minus(text.rstrip("0").rstrip(".") if "." in text else text)


def decimals_for(values: Iterable[float], digits: int) -> int:
    """How many decimals give the largest of some numbers so many digits: what stands together shows the same."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if not largest:
        return 0
    return min(max(digits - math.floor(math.log10(largest)) - 1, 0), 12)


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals; nothing has no sign."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{decimals}f}"
    return _minus(text.removeprefix("-") if not text.strip("-0.,") else text)


def percent(share: float) -> str:
    """`97.8 %`; what is not all never looks like all, nor something like nothing."""
    if not math.isfinite(share):
        return "–"
    if 0 < share < 0.0005:
        return f"< 0.1{_PERCENT}"
    if 0.9995 <= share < 1:
        return f"> 99.9{_PERCENT}"
    return f"{100 * share:.{0 if share in (0, 1) else 1}f}{_PERCENT}"


def _minus(text: str) -> str:
    return f"−{text[1:]}" if text.startswith("-") else text
