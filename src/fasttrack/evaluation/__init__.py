"""Metrics of predictions with confidence intervals, the trivial baseline, and the comparison of two models."""

from __future__ import annotations

from fasttrack.evaluation.comparison import Comparison, compare
from fasttrack.evaluation.intervals import Evaluation, evaluate, margin, trivial_predictions
from fasttrack.evaluation.metrics import (
    PrimaryMetric,
    class_codes,
    is_rare,
    metric_values,
    primary_metric,
    primary_metric_of,
)
from fasttrack.evaluation.resampling import RESAMPLES, Clusters, draw_counts

__all__ = [
    "RESAMPLES",
    "Clusters",
    "Comparison",
    "Evaluation",
    "PrimaryMetric",
    "class_codes",
    "compare",
    "draw_counts",
    "evaluate",
    "is_rare",
    "margin",
    "metric_values",
    "primary_metric",
    "primary_metric_of",
    "trivial_predictions",
]
