"""How good the predictions of a version were, as far as labels have come: figures over sliding windows.

The same figures as the hold-out's, beside the share of predictions that have a label: without it a figure of the few
that were labelled first would be taken for that of all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.evaluate import figures, margin, primary
from fasttrack.journal.predictions import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    at: list[Floats] = field(default_factory=list)
    output: list[Floats] = field(default_factory=list)
    shares: list[Floats] = field(default_factory=list)
    labels: dict[int, Any] = field(default_factory=dict)
    rows: int = 0


def live_quality(database: Database, now: float, windows: Mapping[str, float] = WINDOWS) -> list[LiveQuality]:
    """Every version's quality in each window up to `now` (seconds since 1970 UTC). Raises StoreError."""
    about = {(one.model, one.version): one for one in database.models()}
    found: dict[tuple[str, str], _Answers] = {}
    longest = max(windows.values())
    for chunk in database.chunks(now - longest, most=MOST_ROWS):
        entries = unpack(chunk.content, only_answers=True)
        answers = found.setdefault((chunk.model, chunk.version), _Answers())
        for row, label in database.labels_of(chunk).items():
            answers.labels[answers.rows + row] = label
        answers.at.append(entries.at)
        answers.output.append(entries.output)
        if entries.probabilities is not None:
            answers.shares.append(entries.probabilities)
        answers.rows += len(entries)
    return [
        _in_window(about[key], answers, name, now - seconds)
        for key, answers in found.items()
        if key in about
        for name, seconds in windows.items()
    ]


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


def _in_window(about: JournalModel, answers: _Answers, window: str, since: float) -> LiveQuality:
    at = np.concatenate(answers.at)
    inside = at >= since
    output = np.concatenate(answers.output)
    shares = np.concatenate(answers.shares) if answers.shares else None
    rows = np.array([row for row in answers.labels if inside[row]], dtype=np.intp)
    rows = rows[np.isfinite(output[rows])]
    rows = rows[np.argsort(at[rows], kind="stable")]
    labels = [answers.labels[row] for row in rows.tolist()]
    target = about.target
    asked: tuple[Task, NDArray[Any], NDArray[Any], Floats | None, Sequence[Any] | None]
    if target.classes is None:
        usable = np.array([isinstance(one, (int, float)) and not isinstance(one, bool) for one in labels], dtype=bool)
        rows, labels = rows[usable], [one for one, good in zip(labels, usable, strict=True) if good]
        asked = (target.task, np.array(labels, dtype=np.float64), output[rows], None, None)
    else:
        prediction = np.array([target.classes[int(code)] for code in output[rows]], dtype=object)
        of_rows = None if shares is None else shares[rows]
        asked = (target.task, _objects(labels), prediction, of_rows, target.classes)
    expected = {} if shares is None else estimated(shares[inside])
    metric = primary(target.task, shares is not None).name
    counts = int(inside.sum()), len(labels)
    return LiveQuality(about.model, about.version, window, *counts, figures(*asked), expected, metric, margin(*asked))


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
