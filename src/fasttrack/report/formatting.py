"""Numbers, shares and the names of metrics as the report prints them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MetricText", "decimal_places", "describe_metric", "format_fixed", "format_number", "format_percent"]

_PERCENT = "\u00a0%"
"""With a no-break space."""


class MetricText(NamedTuple):
    """The name of a metric, what it measures, and which direction is better."""

    name: str
    meaning: str
    greater_is_better: bool


_METRICS = {
    "rmse": MetricText("RMSE", "root of the mean squared error", False),
    "mae": MetricText("MAE", "mean absolute error", False),
    "r2": MetricText("R²", "share of the variance explained", True),
    "log_loss": MetricText("Log loss", "how far the probabilities are from the outcomes", False),
    "average_precision": MetricText(
        "Average precision", "precision when the rows of the positive class are found, mean", True
    ),
    "roc_auc": MetricText("ROC AUC", "share of pairs that are ranked correctly", True),
    "roc_auc_ovr": MetricText("ROC AUC", "each class against the rest, mean", True),
    "brier": MetricText("Brier score", "mean squared error of the probability", False),
    "accuracy": MetricText("Accuracy", "share of correct labels", True),
    "f1": MetricText("F1", "harmonic mean of precision and recall, positive class", True),
    "f1_macro": MetricText("F1, macro", "mean over the classes", True),
}


def describe_metric(name: str, *, greater_is_better: bool = False) -> MetricText:
    """The text of a metric; one without an entry is called by its name, and counts as `greater_is_better` says."""
    return _METRICS.get(name) or MetricText(name, "", greater_is_better)


def format_number(value: float, digits: int = 4) -> str:
    """A number with `digits` significant digits: `12.35`, `1,234`, `1.2e-15`; a dash if it is not finite."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-4 or size >= 1e9:
        return _with_minus(f"{value:.{digits - 1}g}")
    before = math.floor(math.log10(size)) + 1
    text = f"{value:,.{max(digits - before, 0)}f}"
    return _with_minus(text.rstrip("0").rstrip(".") if "." in text else text)


def decimal_places(values: Iterable[float], digits: int) -> int:
    """The decimal places that give the largest value `digits` significant digits, for numbers that stand together."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if not largest:
        return 0
    return min(max(digits - math.floor(math.log10(largest)) - 1, 0), 12)


def format_fixed(value: float, decimals: int) -> str:
    """A number with `decimals` decimal places; zero has no sign, and a value that is not finite is a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{decimals}f}"
    return _with_minus(text.removeprefix("-") if not text.strip("-0.,") else text)


def format_percent(share: float) -> str:
    """`97.8 %`; rounding turns no share into 0 % or 100 % that is not exactly that."""
    if not math.isfinite(share):
        return "–"
    if 0 < share < 0.0005:
        return f"< 0.1{_PERCENT}"
    if 0.9995 <= share < 1:
        return f"> 99.9{_PERCENT}"
    return f"{100 * share:.{0 if share in (0, 1) else 1}f}{_PERCENT}"


def _with_minus(text: str) -> str:
    return f"−{text[1:]}" if text.startswith("-") else text
