"""Metrics with confidence intervals, those of the trivial model, and the gain of the model over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fasttrack.contract.metric import Metric
from fasttrack.evaluation.metrics import class_codes, metric_statistics, metric_values, primary_metric, whole_table
from fasttrack.evaluation.resampling import resamples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task
    from fasttrack.evaluation.metrics import Statistic
    from fasttrack.evaluation.resampling import Clusters

    Floats = NDArray[np.float64]

__all__ = ["Evaluation", "evaluate", "margin", "trivial_predictions"]

_DECISIVE = {"rmse": -1, "log_loss": -1, "roc_auc": 1, "roc_auc_ovr": 1, "accuracy": 1}
"""The metrics of which a useful model improves at least one, with the sign of an improvement."""
_FEWEST_OF_A_CLASS = 5
"""By chance, fewer rows of a class are all ranked above the middle more than one time in twenty."""
_BATCHES, _T_999 = 30, 3.659
"""The number of batches, and the two-sided 99.9 % quantile of Student's t with one degree of freedom fewer."""
_FEWEST_ROWS = 500
"""With fewer labelled rows no margin is given."""


class Evaluation(msgspec.Struct, frozen=True):
    """Metrics by name, in the order to show them."""

    metrics: dict[str, Metric]
    baseline: dict[str, Metric] = {}
    """The metrics of the trivial model."""
    gains: dict[str, Metric] = {}
    """How much better than the trivial model, with the interval of the paired difference: positive is better."""


def evaluate(  # nine arguments: the predictions, and what is known about rows and classes
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
    *,
    clusters: Clusters | None = None,
    weights: Floats | None = None,
    positive: int | None = None,
    trivial: tuple[NDArray[Any], NDArray[np.float64] | None] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Metrics of `prediction` [n] (and `probabilities` [n, c] in the order of `classes`) against `y_true` [n].

    Each has the percentile interval of 1,000 bootstrap resamples of the rows (Efron & Tibshirani, An Introduction to
    the Bootstrap, 1993, chapter 13), or of their `clusters`, as `compare` draws them, if there are at least five. A
    metric that is undefined on these rows, such as ROC AUC with only one class, is left out. `weights` [n] of the rows.
    `positive`: the index of the positive class, for average precision and F1. `trivial`: the predictions and
    probabilities of the trivial model, which is measured on the same resamples.
    """
    together = clusters and clusters.enough
    arguments = (len(y_true), seed, together, weights)
    statistics = metric_statistics(task, y_true, prediction, probabilities, classes, positive=positive)
    if trivial is None:
        return Evaluation(_with_intervals(*_resampled(statistics, *arguments)))
    # in one pass: what is drawn, and so the difficulty of the drawn rows, is the same for both
    theirs = metric_statistics(task, y_true, *trivial, classes, positive=positive)
    both = {(name, 0): statistic for name, statistic in statistics.items()}
    both |= {(name, 1): statistic for name, statistic in theirs.items()}
    values, drawn = _resampled(both, *arguments)
    ours, baseline = (
        _with_intervals(
            {name: value for (name, at), value in values.items() if at == side},
            {name: value for (name, at), value in drawn.items() if at == side},
        )
        for side in (0, 1)
    )
    decisive = [name for name in _DECISIVE if (name, 0) in drawn and (name, 1) in drawn]
    if clusters is not None and together is None:
        decisive = []  # too few clusters to tell a gain from chance
    if task == "binary" and _smallest_class(y_true, classes) < _FEWEST_OF_A_CLASS:
        decisive = [name for name in decisive if name != "roc_auc"]
    gain = {name: _DECISIVE[name] * (values[name, 0] - values[name, 1]) for name in decisive}
    gains = {name: _DECISIVE[name] * (drawn[name, 0] - drawn[name, 1]) for name in decisive}
    return Evaluation(ours, baseline, _with_intervals(gain, gains))


def trivial_predictions(
    task: Task,
    y_train: NDArray[Any],
    n: int,
    classes: Sequence[Any] | None,
    weights: Floats | None = None,
) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """The trivial model for n rows: the training mean, or the most frequent class with the class shares.

    `weights` are those of the training rows.
    """
    if task == "regression":
        return np.full(n, float(np.average(np.asarray(y_train, dtype=np.float64), weights=weights))), None
    labels = list(classes or sorted(set(y_train)))
    counts = np.bincount(class_codes(y_train, labels), weights, minlength=len(labels) + 1)[:-1]
    shares = np.tile(counts / counts.sum(), (n, 1))
    return np.array([labels[int(counts.argmax())]] * n, dtype=object), shares


def _smallest_class(y_true: NDArray[Any], classes: Sequence[Any] | None) -> int:
    labels = classes or sorted(set(y_true))
    return int(np.bincount(class_codes(y_true, labels), minlength=len(labels) + 1)[: len(labels)].min())


def margin(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> float | None:
    """How far the primary metric may be off by chance: half the width of a 99.9 % interval. The rows are in time order.

    By the method of batch means, which is valid also for rows that resemble their neighbours (Law & Kelton, Simulation
    Modeling and Analysis, chapter 9): the metric of each of 30 successive batches, and Student's t. `None` for too few
    rows, or a metric that is undefined in a batch.
    """
    if len(y_true) < _FEWEST_ROWS:
        return None
    name = primary_metric(task, probabilities is not None).name
    values = []
    for rows in np.array_split(np.arange(len(y_true)), _BATCHES):
        shares = None if probabilities is None else probabilities[rows]
        values.append(metric_values(task, y_true[rows], prediction[rows], shares, classes).get(name, np.nan))
    half_width = _T_999 * float(np.std(values, ddof=1)) / _BATCHES**0.5
    return half_width if np.isfinite(half_width) else None


def _resampled(
    statistics: Mapping[Any, Statistic], n: int, seed: int, clusters: Clusters | None, weights: Floats | None
) -> tuple[dict[Any, float], dict[Any, Floats]]:
    """The defined statistics on all rows, and each on the resamples."""
    once = whole_table(n, weights)
    values = {name: float(statistic(once)[0]) for name, statistic in statistics.items()}
    defined = {name: value for name, value in values.items() if np.isfinite(value)}
    chunks: dict[Any, list[Floats]] = {name: [] for name in defined}
    with np.errstate(invalid="ignore"):  # of rows with weights, those of a resample may all weigh nothing
        for drawn in resamples(n, seed, clusters, weights):
            for name, parts in chunks.items():
                parts.append(statistics[name](drawn))
    return defined, {name: np.concatenate(parts) for name, parts in chunks.items()}


def _with_intervals(values: Mapping[str, float], resampled: Mapping[str, Floats]) -> dict[str, Metric]:
    """Each value with its percentile interval over the resamples."""
    metrics = {}
    for name, value in values.items():
        if np.isnan(resampled[name]).all():  # a class with one or two rows may be missing from every resample
            continue
        low, high = np.nanpercentile(resampled[name], [2.5, 97.5])
        metrics[name] = Metric(value, float(low), float(high))
    return metrics
