"""The confusion matrix of a classifier, and precision, recall and F1 of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.report.formatting import format_percent

if TYPE_CHECKING:
    from fasttrack.report.labelled_predictions import LabelledPredictions

__all__ = ["ClassQuality", "ConfusionMatrix", "class_quality", "confusion_matrix"]

_MOST_CLASSES = 12
"""The most frequent classes have rows of their own; the others share one."""
_MOST_LISTED = 30


@dataclass(frozen=True)
class ConfusionMatrix:
    """Rows are true labels, columns predicted labels. A cell: the count, its share of the row, the share as text."""

    true_labels: list[str]
    predicted_labels: list[str]
    cells: list[list[tuple[str, float, str]]]
    note: str


@dataclass(frozen=True)
class ClassQuality:
    """Precision, recall and F1 of a class as texts; a share of no rows is a dash."""

    name: str
    rows: str
    precision: str
    recall: str
    f1: str


def confusion_matrix(predictions: LabelledPredictions) -> ConfusionMatrix | None:
    """The confusion matrix; `None` for a regression."""
    if predictions.classes is None:
        return None
    size = len(predictions.classes) + 1  # the last: labels that the model does not know
    counts = np.bincount(predictions.truth * size + predictions.prediction, minlength=size * size).reshape(size, size)
    names = [*predictions.classes, "unknown label"]
    order = list(range(size - 1))
    note = ""
    if len(order) > _MOST_CLASSES:
        by_frequency = np.argsort(-counts[:-1].sum(axis=1), kind="stable")
        order, rest = sorted(by_frequency[:_MOST_CLASSES].tolist()), by_frequency[_MOST_CLASSES:]
        counts = np.vstack([counts[:-1], counts[rest].sum(axis=0), counts[-1:]])
        counts = np.hstack([counts[:, :-1], counts[:, rest].sum(axis=1, keepdims=True), counts[:, -1:]])
        names = [*predictions.classes, f"{len(rest):,} others", "unknown label"]
        order.append(size - 1)
        note = f"The {_MOST_CLASSES} most frequent of {len(predictions.classes):,} classes have a row of their own."
    rows = [*order, *([len(names) - 1] if counts[-1].any() else [])]
    cells = []
    for i in rows:
        total = max(int(counts[i].sum()), 1)
        shares = [float(counts[i, j] / total) for j in order]
        cells.append(
            [(f"{int(counts[i, j]):,}", share, format_percent(share)) for j, share in zip(order, shares, strict=True)]
        )
    return ConfusionMatrix([names[i] for i in rows], [names[j] for j in order], cells, note)


def class_quality(predictions: LabelledPredictions) -> list[ClassQuality]:
    """Precision, recall and F1 of the 30 most frequent classes; empty for a regression."""
    if predictions.classes is None:
        return []
    size = len(predictions.classes) + 1
    actual, predicted = (np.bincount(codes, minlength=size) for codes in (predictions.truth, predictions.prediction))
    hits = np.bincount(predictions.truth[predictions.truth == predictions.prediction], minlength=size)
    order = np.argsort(-actual[:-1], kind="stable")[:_MOST_LISTED]
    return [
        ClassQuality(
            predictions.classes[k],
            f"{int(actual[k]):,}",
            _share(int(hits[k]), int(predicted[k])),
            _share(int(hits[k]), int(actual[k])),
            _share(2 * int(hits[k]), int(actual[k] + predicted[k])),
        )
        for k in (order if len(order) > _MOST_CLASSES else sorted(order.tolist()))
    ]


def _share(part: int, whole: int) -> str:
    return format_percent(part / whole) if whole else "–"
