"""Metrics of predictions with confidence intervals, the trivial baseline, and the comparison of two models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fasttrack.contract.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task

    Floats = NDArray[np.float64]
    Statistic = Callable[[Floats], Floats]
    """Row weights float64[b, n] → the metric under each, float64[b]; NaN where it is undefined."""

__all__ = [
    "RESAMPLES",
    "Clusters",
    "Comparison",
    "Evaluation",
    "PrimaryMetric",
    "baseline",
    "compare",
    "draw_counts",
    "evaluate",
    "margin",
    "metric_values",
    "primary_metric",
]

_FEWEST_CLUSTERS = 5
"""Fewer clusters favour the same model by chance more often than one time in twenty."""
RESAMPLES = 1000
_BATCHES, _T_999 = 30, 3.659
"""The number of batches, and the two-sided 99.9 % quantile of Student's t with one degree of freedom fewer."""
_FEWEST_ROWS = 500
"""With fewer labelled rows no margin is given."""
_CELLS = 4_000_000
"""The number of weights in memory at a time (32 MB)."""


class Evaluation(msgspec.Struct, frozen=True):
    """Metrics by name, in the order to show them."""

    metrics: dict[str, Metric]


@dataclass(frozen=True)
class PrimaryMetric:
    """The metric by which two models are compared."""

    name: str
    greater_is_better: bool


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


@dataclass(frozen=True)
class Clusters:
    """Rows that depend on each other: `codes` int[n], from 0, and the clusters' name, in the plural."""

    codes: NDArray[np.int64]
    name: str

    @property
    def count(self) -> int:
        """The number of clusters."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @property
    def enough(self) -> Clusters | None:
        """The clusters themselves; `None` if they are too few to resample."""
        return self if self.count >= _FEWEST_CLUSTERS else None


def primary_metric(task: Task, probabilities: bool) -> PrimaryMetric:
    """RMSE for regression; for classifiers log loss, or accuracy without probabilities."""
    if task == "regression":
        return PrimaryMetric("rmse", False)
    return PrimaryMetric("log_loss", False) if probabilities else PrimaryMetric("accuracy", True)


def evaluate(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
    *,
    clusters: Clusters | None = None,
    seed: int = 0,
) -> Evaluation:
    """Metrics of `prediction` [n] (and `probabilities` [n, c] in the order of `classes`) against `y_true` [n].

    Each has the percentile interval of 1,000 bootstrap resamples of the rows (Efron & Tibshirani, An Introduction to
    the Bootstrap, 1993, chapter 13), or of their `clusters`, as `compare` draws them, if there are at least five. A
    metric that is undefined on these rows, such as ROC AUC with only one class, is left out.
    """
    statistics = _statistics(task, y_true, prediction, probabilities, classes)
    together = clusters and clusters.enough
    return Evaluation(_with_intervals(statistics, len(y_true), seed, together))


def metric_values(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> dict[str, float]:
    """The values of the metrics, as `evaluate`, without intervals."""
    if not len(y_true):
        return {}
    once = np.ones((1, len(y_true)))
    with np.errstate(all="ignore"):
        values = {
            name: float(statistic(once)[0])
            for name, statistic in _statistics(task, y_true, prediction, probabilities, classes).items()
        }
    return {name: value for name, value in values.items() if np.isfinite(value)}


def compare(  # eight arguments: two models, each with its predictions and labels, on the same rows
    task: Task,
    y_true: NDArray[Any],
    ours: tuple[NDArray[Any], NDArray[Any] | None],
    theirs: tuple[NDArray[Any], NDArray[Any] | None],
    classes: Sequence[Any] | None = None,
    their_classes: Sequence[Any] | None = None,
    *,
    clusters: Clusters | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare two models on the same n rows, by their predictions [n] and probabilities [n, c] and the primary metric.

    Both are measured on the same 1,000 resamples of the rows, so that the difficulty of a row cancels out: the paired
    bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 16). Of k `clusters`, k - 1 are drawn
    whole, which gives the variance of independent clusters (Rao & Wu, JASA 83, 1988). Our probabilities are in the
    order of `classes`, theirs in the order of `their_classes`, if these differ; a label that a model does not know
    counts as a wrong prediction.
    """
    metric = primary_metric(task, ours[1] is not None)
    label_lists = (classes, classes if their_classes is None else their_classes)
    models = zip((ours, theirs), label_lists, strict=True)
    statistics = [_statistics(task, y_true, *predictions, labels)[metric.name] for predictions, labels in models]
    sign = 1.0 if metric.greater_is_better else -1.0
    n = len(y_true)
    whole = [float(statistic(np.ones((1, n)))[0]) for statistic in statistics]
    gains = np.concatenate(
        [sign * (statistics[0](weights) - statistics[1](weights)) for weights in _resamples(n, seed, clusters)]
    )
    low, high = np.percentile(gains, [2.5, 97.5])
    # a tie counts half, so that two equal models have a confidence of 0.5
    wins = float(np.mean(gains > 0) + np.mean(gains == 0) / 2)
    gain = sign * (whole[0] - whole[1])
    resampled = (None, "") if clusters is None else (clusters.count, clusters.name)
    return Comparison(metric.name, whole[0], whole[1], n, gain, float(low), float(high), wins, *resampled)


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


def _statistics(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None,
    classes: Sequence[Any] | None,
) -> dict[str, Statistic]:
    if task == "regression":
        return _regression(np.asarray(y_true, dtype=np.float64), np.asarray(prediction, dtype=np.float64))
    labels = classes or sorted(set(y_true))
    truth, predicted = class_codes(y_true, labels), class_codes(prediction, labels)
    shares = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    return _classification(task, truth, predicted, shares, len(labels))


def class_codes(values: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.int64]:
    """int[n]: the index of each of `values` in `classes`; len(classes) for an unknown label, which is always wrong.

    If `classes` is a range, the values are codes already.
    """
    if isinstance(classes, range):
        return values
    codes = {label: code for code, label in enumerate(classes)}
    return np.array([codes.get(_plain(label), len(classes)) for label in values], dtype=np.int64)


def baseline(
    task: Task,
    y_train: NDArray[Any],
    y_test: NDArray[Any],
    classes: Sequence[Any] | None,
    *,
    clusters: Clusters | None = None,
    seed: int = 0,
) -> Evaluation:
    """The trivial model: the training mean, or the most frequent class with the class frequencies as probabilities.

    `clusters` are those of the rows of `y_test`, as for `evaluate`.
    """
    if task == "regression":
        mean = float(np.mean(np.asarray(y_train, dtype=np.float64)))
        return evaluate(task, y_test, np.full(len(y_test), mean), clusters=clusters, seed=seed)
    labels = list(classes or sorted(set(y_train)))
    counts = np.array([int(sum(_plain(value) == label for value in y_train)) for label in labels])
    shares = np.tile(counts / counts.sum(), (len(y_test), 1))
    prediction = np.array([labels[int(counts.argmax())]] * len(y_test), dtype=object)
    return evaluate(task, y_test, prediction, shares, labels, clusters=clusters, seed=seed)


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


def _classification(
    task: Task, truth: NDArray[np.int64], prediction: NDArray[np.int64], shares: Floats | None, n_classes: int
) -> dict[str, Statistic]:
    right = (truth == prediction).astype(np.float64)
    statistics: dict[str, Statistic] = {}
    if shares is not None:
        known = truth < n_classes
        eps = np.finfo(np.float64).eps
        clipped = np.clip(shares, eps, 1 - eps)
        clipped /= clipped.sum(axis=1, keepdims=True)
        of_truth = np.where(known, clipped[np.arange(len(truth)), np.where(known, truth, 0)], eps)
        loss = -np.log(of_truth)
        statistics["log_loss"] = lambda weights: _mean(weights, loss)
    if task == "binary":
        positive = (truth == 1).astype(np.float64)
        if shares is not None:
            gap = (shares[:, 1] - positive) ** 2
            statistics["roc_auc"] = _auc(positive, shares[:, 1])
            statistics["brier"] = lambda weights: _mean(weights, gap)
        statistics["accuracy"] = lambda weights: _mean(weights, right)
        statistics["f1"] = lambda weights: _f1(weights, truth == 1, prediction == 1)
        return statistics
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


def _with_intervals(
    statistics: dict[str, Statistic], n: int, seed: int, clusters: Clusters | None
) -> dict[str, Metric]:
    """Each statistic on all rows, with its percentile interval over the resamples."""
    values = {name: float(statistic(np.ones((1, n)))[0]) for name, statistic in statistics.items()}
    defined = {name: statistic for name, statistic in statistics.items() if np.isfinite(values[name])}
    chunks: dict[str, list[Floats]] = {name: [] for name in defined}
    for weights in _resamples(n, seed, clusters):
        for name, statistic in defined.items():
            chunks[name].append(statistic(weights))
    metrics = {}
    for name in defined:
        resampled_values = np.concatenate(chunks[name])
        if np.isnan(resampled_values).all():  # a class with one or two rows may be missing from every resample
            continue
        low, high = np.nanpercentile(resampled_values, [2.5, 97.5])
        metrics[name] = Metric(values[name], float(low), float(high))
    return metrics


def _resamples(n: int, seed: int, clusters: Clusters | None = None) -> Iterator[Floats]:
    """How often each of n rows is drawn, float64[b, n]: all resamples, some at a time."""
    random = np.random.default_rng(seed)
    chunk = max(1, min(RESAMPLES, _CELLS // max(n, 1)))
    for start in range(0, RESAMPLES, chunk):
        yield draw_counts(random, min(chunk, RESAMPLES - start), n, clusters)


def draw_counts(random: np.random.Generator, times: int, n: int, clusters: Clusters | None) -> Floats:
    """How often each of n rows is drawn, float64[times, n]: single rows, or k - 1 of k `clusters` whole."""
    units, draws = (n, n) if clusters is None else (clusters.count, max(clusters.count - 1, 1))
    drawn = random.integers(0, units, size=(times, draws))
    counts = np.stack([np.bincount(row, minlength=units) for row in drawn]).astype(np.float64)
    return counts if clusters is None else counts[:, clusters.codes]


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
