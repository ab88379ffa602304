"""How good predictions are, with intervals, and how good the trivial model is on the same rows."""

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
    "evaluate",
    "figures",
    "margin",
    "primary",
    "resampled",
]

_FEWEST_CLUSTERS = 5
"""Fewer fall all on one side by chance more often than once in twenty times."""
RESAMPLES = 1000
_PARTS, _T_999 = 30, 3.659
"""Student's t with 29 degrees of freedom is beyond it once in a thousand times, on both sides together."""
_FEWEST = 500
"""Labelled rows, below which no margin is told."""
_CELLS = 4_000_000
"""How many weights are held at a time (32 MB)."""


class Evaluation(msgspec.Struct, frozen=True):
    """Metrics by name, in the order in which to show them."""

    metrics: dict[str, Metric]


@dataclass(frozen=True)
class PrimaryMetric:
    """The metric by which two models are compared."""

    name: str
    greater_is_better: bool


@dataclass(frozen=True)
class Comparison:
    """How much better ours is than theirs: positive gains are better, whichever way the metric counts."""

    metric: str
    ours: float
    theirs: float
    rows: int
    gain: float
    low: float
    high: float
    """The ends of the gain's 95 % interval."""
    confidence: float
    """The share of resamples in which ours is better, 0 to 1."""
    clusters: int | None = None
    """How many clusters were resampled; `None`: the rows one by one."""
    cluster: str = ""
    """What a cluster is, in the plural."""


@dataclass(frozen=True)
class Clusters:
    """Rows that hang together: `codes` int[n] from 0 on, and what they are, in the plural."""

    codes: NDArray[np.int64]
    name: str

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @property
    def enough(self) -> Clusters | None:
        """Themselves, if there are enough of them to resample."""
        return self if self.count >= _FEWEST_CLUSTERS else None


def primary(task: Task, probabilities: bool) -> PrimaryMetric:
    """RMSE; log loss; accuracy where a classifier gives no probabilities."""
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

    Each comes with the percentile interval of 1,000 bootstrap resamples of the rows (Efron & Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 13), or of the `clusters` they form, as `compare` draws them, if there
    are five at least. A metric that these rows leave undefined, such as ROC AUC where one class only is present, is
    left out.
    """
    statistics = _statistics(task, y_true, prediction, probabilities, classes)
    together = clusters and clusters.enough
    return Evaluation(_with_intervals(statistics, len(y_true), seed, together))


def figures(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> dict[str, float]:
    """As `evaluate`, without intervals."""
    if not len(y_true):
        return {}
    once = np.ones((1, len(y_true)))
    with np.errstate(all="ignore"):
        found = {
            name: float(statistic(once)[0])
            for name, statistic in _statistics(task, y_true, prediction, probabilities, classes).items()
        }
    return {name: value for name, value in found.items() if np.isfinite(value)}


def compare(
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
    """Two models on the same n rows, each by its predictions [n] and probabilities [n, c], by the primary figure.

    Each of 1,000 resamples of the rows is taken for both, so that what makes a row hard for both says nothing: the
    paired bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 16). Of k `clusters`, k - 1
    are drawn whole, which makes the variance that of independent clusters (Rao & Wu, JASA 83, 1988). Probabilities are
    in the order of `classes`, theirs in that of `their_classes` where these are others; a label that a model does not
    know is one that it gets wrong.
    """
    one = primary(task, ours[1] is not None)
    known = (classes, classes if their_classes is None else their_classes)
    pairs = zip((ours, theirs), known, strict=True)
    statistics = [_statistics(task, y_true, *told, labels)[one.name] for told, labels in pairs]
    sign = 1.0 if one.greater_is_better else -1.0
    n = len(y_true)
    whole = [float(statistic(np.ones((1, n)))[0]) for statistic in statistics]
    gains = np.concatenate(
        [sign * (statistics[0](weights) - statistics[1](weights)) for weights in _resamples(n, seed, clusters)]
    )
    low, high = np.percentile(gains, [2.5, 97.5])
    # a draw is half a win, so that two equal models are as good as each other
    wins = float(np.mean(gains > 0) + np.mean(gains == 0) / 2)
    gain = sign * (whole[0] - whole[1])
    of = (None, "") if clusters is None else (clusters.count, clusters.name)
    return Comparison(one.name, whole[0], whole[1], n, gain, float(low), float(high), wins, *of)


def margin(
    task: Task,
    y_true: NDArray[Any],
    prediction: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> float | None:
    """How far the primary figure of rows in their order in time may be off by chance: half a 99.9 % interval.

    By the method of batch means, which holds for rows that resemble their neighbours too (Law & Kelton, Simulation
    Modeling and Analysis, chapter 9): the figure of each of 30 successive parts, and Student's t. `None` for rows too
    few to say, or a figure that a part leaves undefined.
    """
    if len(y_true) < _FEWEST:
        return None
    name = primary(task, probabilities is not None).name
    found = []
    for part in np.array_split(np.arange(len(y_true)), _PARTS):
        shares = None if probabilities is None else probabilities[part]
        found.append(figures(task, y_true[part], prediction[part], shares, classes).get(name, np.nan))
    half = _T_999 * float(np.std(found, ddof=1)) / _PARTS**0.5
    return half if np.isfinite(half) else None


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
    truth, guess = class_codes(y_true, labels), class_codes(prediction, labels)
    shares = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    return _classification(task, truth, guess, shares, len(labels))


def class_codes(values: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.int64]:
    """int[n]: the places of `values` among `classes`; what is not there is a class of its own, so always wrong.

    Codes stay what they are, where `classes` is a range.
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
    """The trivial model: the training mean, or the most frequent class with the training shares as probabilities.

    `clusters` of the rows of `y_test` as for `evaluate`.
    """
    if task == "regression":
        mean = float(np.mean(np.asarray(y_train, dtype=np.float64)))
        return evaluate(task, y_test, np.full(len(y_test), mean), clusters=clusters, seed=seed)
    labels = list(classes or sorted(set(y_train)))
    counts = np.array([int(sum(_plain(value) == label for value in y_train)) for label in labels])
    shares = np.tile(counts / counts.sum(), (len(y_test), 1))
    guess = np.array([labels[int(counts.argmax())]] * len(y_test), dtype=object)
    return evaluate(task, y_test, guess, shares, labels, clusters=clusters, seed=seed)


def _regression(truth: Floats, guess: Floats) -> dict[str, Statistic]:
    error = truth - guess
    squared, absolute = error**2, np.abs(error)
    centred = truth - truth.mean()  # shifting the target changes no variance, and keeps its digits

    def r2(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        variance = weights @ centred**2 - (weights @ centred) ** 2 / total
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(variance > 0, 1 - (weights @ squared) / variance, np.nan)
        return found

    return {
        "rmse": lambda weights: np.sqrt(_mean(weights, squared)),
        "mae": lambda weights: _mean(weights, absolute),
        "r2": r2,
    }


def _classification(
    task: Task, truth: NDArray[np.int64], guess: NDArray[np.int64], shares: Floats | None, n_classes: int
) -> dict[str, Statistic]:
    right = (truth == guess).astype(np.float64)
    found: dict[str, Statistic] = {}
    if shares is not None:
        known = truth < n_classes
        eps = np.finfo(np.float64).eps
        clipped = np.clip(shares, eps, 1 - eps)
        clipped /= clipped.sum(axis=1, keepdims=True)
        of_truth = np.where(known, clipped[np.arange(len(truth)), np.where(known, truth, 0)], eps)
        loss = -np.log(of_truth)
        found["log_loss"] = lambda weights: _mean(weights, loss)
    if task == "binary":
        positive = (truth == 1).astype(np.float64)
        if shares is not None:
            gap = (shares[:, 1] - positive) ** 2
            found["roc_auc"] = _auc(positive, shares[:, 1])
            found["brier"] = lambda weights: _mean(weights, gap)
        found["accuracy"] = lambda weights: _mean(weights, right)
        found["f1"] = lambda weights: _f1(weights, truth == 1, guess == 1)
        return found
    found["accuracy"] = lambda weights: _mean(weights, right)
    present = sorted(set(truth) | set(guess))
    # some row is drawn, so that some class is there
    found["f1_macro"] = lambda weights: np.nanmean([_f1(weights, truth == k, guess == k) for k in present], axis=0)
    if shares is not None:
        curves = [_auc((truth == k).astype(np.float64), shares[:, k]) for k in range(n_classes)]
        found["roc_auc_ovr"] = lambda weights: np.mean([curve(weights) for curve in curves], axis=0)
    return found


def _mean(weights: Floats, values: Floats) -> Floats:
    found: Floats = (weights @ values) / weights.sum(axis=1)
    return found


def _f1(weights: Floats, truth: NDArray[np.bool_], guess: NDArray[np.bool_]) -> Floats:
    """NaN where no drawn row is of the class or said to be: 0 would draw a rare class's interval down."""
    hits = weights @ (truth & guess).astype(np.float64)
    all_ = weights @ truth.astype(np.float64) + weights @ guess.astype(np.float64)
    return np.where(all_ > 0, 2 * hits / np.where(all_ > 0, all_, 1), np.nan)


def _auc(positive: Floats, score: Floats) -> Statistic:
    """Weighted ROC AUC: the share of pairs ranked right, ties counting half (Hanley & McNeil 1982)."""
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
        found: Floats = np.where(pairs > 0, right / np.where(pairs > 0, pairs, 1), np.nan)
        return found

    return auc


def _with_intervals(
    statistics: dict[str, Statistic], n: int, seed: int, clusters: Clusters | None
) -> dict[str, Metric]:
    """Each statistic on all rows, with its percentile interval over resamples of them."""
    values = {name: float(statistic(np.ones((1, n)))[0]) for name, statistic in statistics.items()}
    defined = {name: statistic for name, statistic in statistics.items() if np.isfinite(values[name])}
    found: dict[str, list[Floats]] = {name: [] for name in defined}
    for weights in _resamples(n, seed, clusters):
        for name, statistic in defined.items():
            found[name].append(statistic(weights))
    metrics = {}
    for name, parts in found.items():
        drawn = np.concatenate(parts)
        if np.isnan(drawn).all():  # a class of one row or two is missing from each resample
            continue
        low, high = np.nanpercentile(drawn, [2.5, 97.5])
        metrics[name] = Metric(values[name], float(low), float(high))
    return metrics


def _resamples(n: int, seed: int, clusters: Clusters | None = None) -> Iterator[Floats]:
    """How often each of n rows is drawn, float64[b, n], over all resamples some at a time."""
    random = np.random.default_rng(seed)
    chunk = max(1, min(RESAMPLES, _CELLS // max(n, 1)))
    for start in range(0, RESAMPLES, chunk):
        yield resampled(random, min(chunk, RESAMPLES - start), n, clusters)


def resampled(random: np.random.Generator, times: int, n: int, clusters: Clusters | None) -> Floats:
    """How often each of n rows is drawn, float64[times, n]: one by one, or k - 1 of k `clusters` whole."""
    units, draws = (n, n) if clusters is None else (clusters.count, max(clusters.count - 1, 1))
    drawn = random.integers(0, units, size=(times, draws))
    counts = np.stack([np.bincount(row, minlength=units) for row in drawn]).astype(np.float64)
    return counts if clusters is None else counts[:, clusters.codes]


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
