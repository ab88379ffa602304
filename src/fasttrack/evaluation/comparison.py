"""The comparison of two models on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.evaluation.metrics import metric_statistics, primary_metric, whole_table
from fasttrack.evaluation.resampling import resamples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task
    from fasttrack.evaluation.resampling import Clusters

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """How much better one model (`ours`) is than another (`theirs`): a positive gain is better, for any metric."""

    metric: str
    ours: float
    theirs: float
    rows: int
    gain: float
    low: float
    high: float
    """The ends of the gain's 95 % interval."""
    confidence: float
    """The fraction of resamples in which ours is better, 0 to 1."""
    clusters: int | None = None
    """The number of clusters that were resampled; `None` if single rows were."""
    cluster: str = ""
    """The name of the clusters, in the plural."""


def compare(  # many arguments: two models, each with its predictions and labels, on the same rows
    task: Task,
    y_true: NDArray[Any],
    ours: tuple[NDArray[Any], NDArray[Any] | None],
    theirs: tuple[NDArray[Any], NDArray[Any] | None],
    classes: Sequence[Any] | None = None,
    their_classes: Sequence[Any] | None = None,
    *,
    clusters: Clusters | None = None,
    weights: NDArray[np.float64] | None = None,
    positive: Any = None,
    imbalanced: bool = False,
    seed: int = 0,
) -> Comparison:
    """Compare two models on the same n rows, by their predictions [n] and probabilities [n, c] and the primary metric.

    Both are measured on the same 1,000 resamples of the rows, so that the difficulty of a row cancels out: the paired
    bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 16). Of k `clusters`, k - 1 are drawn
    whole, which gives the variance of independent clusters (Rao & Wu, JASA 83, 1988). Our probabilities are in the
    order of `classes`, theirs in the order of `their_classes`, if these differ; a label that a model does not know
    counts as a wrong prediction. `weights` [n] of the rows. `imbalanced`: the models are compared by the metric for
    imbalanced classes, if it is defined on these rows; `positive` is the positive class for this metric.
    """
    label_lists = (classes, classes if their_classes is None else their_classes)
    models = zip((ours, theirs), label_lists, strict=True)
    statistics = [
        metric_statistics(task, y_true, *predictions, labels, positive=_code_of(positive, labels))
        for predictions, labels in models
    ]
    n = len(y_true)
    once = whole_table(n, weights)
    metric = primary_metric(task, ours[1] is not None, imbalanced=imbalanced)
    if not all(metric.name in of_model and np.isfinite(of_model[metric.name](once)[0]) for of_model in statistics):
        metric = primary_metric(task, ours[1] is not None)
    sign = 1.0 if metric.greater_is_better else -1.0
    first, second = (of_model[metric.name] for of_model in statistics)
    whole = [float(first(once)[0]), float(second(once)[0])]
    with np.errstate(invalid="ignore"):  # of rows with weights, those of a resample may all weigh nothing
        parts = [sign * (first(drawn) - second(drawn)) for drawn in resamples(n, seed, clusters, weights)]
    gains = np.concatenate(parts)
    gains = gains[~np.isnan(gains)]  # without the resamples that lack a rare class
    low, high = np.percentile(gains, [2.5, 97.5])
    # a tie counts half, so that two equal models have a confidence of 0.5
    wins = float(np.mean(gains > 0) + np.mean(gains == 0) / 2)
    gain = sign * (whole[0] - whole[1])
    resampled = (None, "") if clusters is None else (clusters.count, clusters.name)
    return Comparison(metric.name, whole[0], whole[1], n, gain, float(low), float(high), wins, *resampled)


def _code_of(label: Any, classes: Sequence[Any] | None) -> int | None:
    """The index of `label` in `classes`; `None` without a label."""
    return None if label is None or classes is None or label not in classes else list(classes).index(label)
