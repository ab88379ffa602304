"""Live quality: the metrics of a version over sliding windows, from the labels so far.

They are the metrics of the hold-out. The share of predictions that have a label comes with them, because metrics of the
few predictions that are labelled first may not be those of all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.evaluation import class_codes, margin, metric_values, primary_metric
from fasttrack.journal.predictions import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task
    from fasttrack.journal.database import Database
    from fasttrack.journal.predictions import JournalModel

    Floats = NDArray[np.float64]

__all__ = ["MOST_ROWS", "WINDOWS", "LiveQuality", "estimated_figures", "live_quality"]

WINDOWS: Mapping[str, float] = {"1h": 3600.0, "24h": 86_400.0, "7d": 604_800.0}
"""Seconds, by name."""
MOST_ROWS = 1_000_000
"""In a window with more predictions, only the latest ones count."""


@dataclass(frozen=True)
class LiveQuality:
    """The quality of one version in one window.

    `figures`: metrics by name. `estimated`: a classifier's, estimated from its probabilities without labels. `metric`:
    the name of the primary metric. `margin`: half of its 99.9 % interval; `None` with too few labels.
    """

    model: str
    version: str
    window: str
    predictions: int
    labelled: int
    figures: Mapping[str, float]
    estimated: Mapping[str, float]
    metric: str
    margin: float | None

    @property
    def coverage(self) -> float:
        """The share of predictions that have a label, 0 to 1."""
        return self.labelled / self.predictions if self.predictions else 0.0


@dataclass
class _Predictions:
    """What one version predicted, chunk by chunk. `labelled`: int[m], the rows of the `labels`."""

    at: list[Floats] = field(default_factory=list)
    output: list[Floats] = field(default_factory=list)
    shares: list[Floats] = field(default_factory=list)
    labelled: list[NDArray[np.intp]] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    rows: int = 0


def live_quality(database: Database, now: float, windows: Mapping[str, float] = WINDOWS) -> list[LiveQuality]:
    """The quality of every version in each window up to `now` (seconds since 1970 UTC). Raises StoreError."""
    models = {(model.model, model.version): model for model in database.models()}
    by_version: dict[tuple[str, str], _Predictions] = {}
    longest = max(windows.values())
    for chunk in database.chunks(now - longest, most=MOST_ROWS):
        entries = unpack(chunk.content, without_features=True)
        predictions = by_version.setdefault((chunk.model, chunk.version), _Predictions())
        labels = database.labels_of(chunk)
        predictions.labelled.append(np.fromiter(labels, np.intp, len(labels)) + predictions.rows)
        predictions.labels += labels.values()
        predictions.at.append(entries.at)
        predictions.output.append(entries.output)
        if entries.probabilities is not None:
            predictions.shares.append(entries.probabilities)
        predictions.rows += len(entries)
    since = {name: now - seconds for name, seconds in windows.items()}
    return [
        quality
        for version, predictions in by_version.items()
        if version in models
        for quality in _by_window(models[version], predictions, since)
    ]


def estimated_figures(shares: Floats, predicted: Floats) -> dict[str, float]:
    """Accuracy and log loss estimated from float64[n, c] calibrated probabilities, without labels.

    `predicted` [n] are the codes of the predicted labels, which a threshold may have chosen.

    Confidence-based performance estimation: a prediction with probability p is right with probability p (NannyML's
    CBPE; Białek et al., Estimating Model Performance Under Covariate Shift Without Labels, 2024).
    """
    if not len(shares):
        return {}
    certain = np.clip(shares, np.finfo(np.float64).eps, 1)
    entropy = -(shares * np.log(certain)).sum(axis=1)
    known = np.isfinite(predicted)
    confidence = np.where(known, shares[np.arange(len(shares)), np.where(known, predicted, 0).astype(np.intp)], 0.0)
    return {"accuracy": float(confidence.mean()), "log_loss": float(entropy.mean())}


def _by_window(model: JournalModel, predictions: _Predictions, windows: Mapping[str, float]) -> Iterator[LiveQuality]:
    """The quality of one version since each of the moments in `windows`."""
    at, output = np.concatenate(predictions.at), np.concatenate(predictions.output)
    shares = np.concatenate(predictions.shares) if predictions.shares else None
    rows = np.concatenate(predictions.labelled)
    labels: NDArray[Any] = _object_array(predictions.labels)
    target = model.target
    usable = np.isfinite(output[rows])
    if target.classes is None:
        is_number = [isinstance(label, (int, float)) and not isinstance(label, bool) for label in predictions.labels]
        usable &= np.array(is_number, dtype=bool)
    rows, labels = rows[usable], labels[usable]
    order = np.argsort(at[rows], kind="stable")
    rows, truth = rows[order], labels[order]
    prediction: NDArray[Any] = output[rows]
    if target.classes is None:
        truth = truth.astype(np.float64)
    else:
        truth, prediction = class_codes(truth, target.classes), prediction.astype(np.int64)
    metric = primary_metric(target.task, shares is not None).name
    for name, since in windows.items():
        inside = at >= since
        first = int(np.searchsorted(at[rows], since))
        arguments: tuple[Task, NDArray[Any], NDArray[Any], Floats | None, Sequence[Any] | None] = (
            target.task,
            truth[first:],
            prediction[first:],
            None if shares is None else shares[rows[first:]],
            None if target.classes is None else range(len(target.classes)),
        )
        yield LiveQuality(
            model=model.model,
            version=model.version,
            window=name,
            predictions=int(inside.sum()),
            labelled=len(rows) - first,
            figures=metric_values(*arguments, positive=target.positive_code),
            estimated={} if shares is None else estimated_figures(shares[inside], output[inside]),
            metric=metric,
            margin=margin(*arguments),
        )


def _object_array(values: Sequence[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
