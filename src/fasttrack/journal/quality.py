"""How good the predictions of a version were, as far as labels have come: figures over sliding windows.

The same figures as the hold-out's, beside the share of predictions that have a label: without it a figure of the few
that were labelled first would be taken for that of all.
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

__all__ = ["MOST_ROWS", "WINDOWS", "LiveQuality", "estimated", "live_quality"]

WINDOWS: Mapping[str, float] = {"1h": 3600.0, "24h": 86_400.0, "7d": 604_800.0}
"""Seconds, by name."""
MOST_ROWS = 1_000_000
"""Of a window with more predictions, the latest ones are looked at."""


@dataclass(frozen=True)
class LiveQuality:
    """Of one version in one window.

    `estimated`: what to expect before labels come, of a classifier. `metric`: the primary figure, and `margin` how far
    it may be off by chance, where there are labels enough to say.
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
class _Answers:
    """What one version answered, chunk by chunk. `labelled`: int[m], the rows that have a label, those of `labels`."""

    at: list[Floats] = field(default_factory=list)
    output: list[Floats] = field(default_factory=list)
    shares: list[Floats] = field(default_factory=list)
    labelled: list[NDArray[np.intp]] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    rows: int = 0


def live_quality(database: Database, now: float, windows: Mapping[str, float] = WINDOWS) -> list[LiveQuality]:
    """Every version's quality in each window up to `now` (seconds since 1970 UTC). Raises StoreError."""
    about = {(one.model, one.version): one for one in database.models()}
    found: dict[tuple[str, str], _Answers] = {}
    longest = max(windows.values())
    for chunk in database.chunks(now - longest, most=MOST_ROWS):
        entries = unpack(chunk.content, only_answers=True)
        answers = found.setdefault((chunk.model, chunk.version), _Answers())
        labels = database.labels_of(chunk)
        answers.labelled.append(np.fromiter(labels, np.intp, len(labels)) + answers.rows)
        answers.labels += labels.values()
        answers.at.append(entries.at)
        answers.output.append(entries.output)
        if entries.probabilities is not None:
            answers.shares.append(entries.probabilities)
        answers.rows += len(entries)
    since = {name: now - seconds for name, seconds in windows.items()}
    return [one for key, answers in found.items() if key in about for one in _in_windows(about[key], answers, since)]


def estimated(shares: Floats) -> dict[str, float]:
    """Accuracy and log loss to expect of float64[n, c] calibrated probabilities, without any label.

    Confidence-based performance estimation: a prediction with probability p is right p of the time (NannyML's CBPE;
    Białek et al., Estimating Model Performance Under Covariate Shift Without Labels, 2024).
    """
    if not len(shares):
        return {}
    certain = np.clip(shares, np.finfo(np.float64).eps, 1)
    entropy = -(shares * np.log(certain)).sum(axis=1)
    return {"accuracy": float(shares.max(axis=1).mean()), "log_loss": float(entropy.mean())}


def _in_windows(about: JournalModel, answers: _Answers, windows: Mapping[str, float]) -> Iterator[LiveQuality]:
    """One version's quality since each of the moments in `windows`."""
    at, output = np.concatenate(answers.at), np.concatenate(answers.output)
    shares = np.concatenate(answers.shares) if answers.shares else None
    rows = np.concatenate(answers.labelled)
    labels: NDArray[Any] = _objects(answers.labels)
    target = about.target
    usable = np.isfinite(output[rows])
    if target.classes is None:
        numeric = [isinstance(one, (int, float)) and not isinstance(one, bool) for one in answers.labels]
        usable &= np.array(numeric, dtype=bool)
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
        asked: tuple[Task, NDArray[Any], NDArray[Any], Floats | None, Sequence[Any] | None] = (
            target.task,
            truth[first:],
            prediction[first:],
            None if shares is None else shares[rows[first:]],
            None if target.classes is None else range(len(target.classes)),
        )
        expected = {} if shares is None else estimated(shares[inside])
        counts = int(inside.sum()), len(rows) - first
        yield LiveQuality(
            about.model, about.version, name, *counts, metric_values(*asked), expected, metric, margin(*asked)
        )


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
