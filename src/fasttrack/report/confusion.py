"""The confusion matrix of a classifier, and precision, recall and F1 of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.report.formatting import format_percent
from fasttrack.report.labels import letters, shorten_all

if TYPE_CHECKING:
    from fasttrack.report.labelled_predictions import LabelledPredictions

__all__ = ["ClassQuality", "ClassTable", "ConfusionMatrix", "class_quality", "confusion_matrix"]

_MOST_CLASSES = 12
"""The most frequent classes have rows of their own; the others share one."""
_MOST_LISTED = 30
_LONGEST_LABEL = 28
_LONGEST_HORIZONTAL = 9
"""A longer label at the head of a column is written upwards, because it would make the column wider than its cells."""
_LONGEST_ROW_LABEL = 60
_DIGIT_EM, _LETTER_EM = 0.62, 0.7
"""The widths of a digit and of a bold letter in the size of the letters of the matrix, with some reserve."""


@dataclass(frozen=True)
class ConfusionCell:
    """The rows with one true and one predicted label: the count, its share of the row, and the share as text."""

    count: str
    share: float
    share_text: str


@dataclass(frozen=True)
class ConfusionMatrix:
    """Rows are true labels, columns predicted labels.

    `upright`: whether the heads of the columns are written horizontally. `width_em`: how wide the matrix is, in the
    size of its letters, so that the page can choose letters with which it fits.
    """

    true_labels: list[str]
    predicted_labels: list[str]
    cells: list[list[ConfusionCell]]
    note: str
    upright: bool
    width_em: float


@dataclass(frozen=True)
class ClassQuality:
    """Precision, recall and F1 of a class as texts; a share of no rows is a dash."""

    name: str
    rows: str
    precision: str
    recall: str
    f1: str


@dataclass(frozen=True)
class ClassTable:
    """The listed classes, and a note on those that are not listed; empty if all are."""

    rows: list[ClassQuality]
    note: str


def confusion_matrix(predictions: LabelledPredictions) -> ConfusionMatrix | None:
    """The confusion matrix; `None` for a regression. The shares of a row add up to 1."""
    if predictions.classes is None:
        return None
    classes = predictions.classes
    own, rest = _frequent_classes(predictions, classes)
    names = [classes[code] for code in own]
    group = np.full(len(classes) + 1, len(own))  # of each class; the last code: labels that the model does not know
    group[own] = np.arange(len(own))
    note = ""
    if rest:
        names.append(f"{rest:,} others")
        group[-1] = len(own) + 1
        note = (
            f"The {len(own)} most frequent of {len(classes):,} classes have a row and a column of their own, the "
            f"{rest:,} others share one: where they meet, the predicted label may be another one of them."
        )
    size = len(names) + 1
    flat = group[predictions.truth] * size + group[predictions.prediction]
    counts = np.bincount(flat, minlength=size * size).reshape(size, size)
    cells = [[_cell(int(count), int(row.sum())) for count in row[:-1]] for row in counts]
    true = [*names, "unknown label"] if counts[-1].any() else names
    heads = shorten_all(names, _LONGEST_LABEL)
    return ConfusionMatrix(
        true_labels=shorten_all(true, _LONGEST_ROW_LABEL),
        predicted_labels=heads,
        cells=cells[: len(true)],
        note=note,
        upright=max(map(letters, heads)) <= _LONGEST_HORIZONTAL,
        width_em=_width_em(true, cells[: len(true)]),
    )


def class_quality(predictions: LabelledPredictions) -> ClassTable | None:
    """Precision, recall and F1 of the 30 most frequent classes; `None` for a regression."""
    if predictions.classes is None:
        return None
    size = len(predictions.classes) + 1
    actual, predicted = (np.bincount(codes, minlength=size) for codes in (predictions.truth, predictions.prediction))
    hits = np.bincount(predictions.truth[predictions.truth == predictions.prediction], minlength=size)
    order = np.argsort(-actual[:-1], kind="stable")[:_MOST_LISTED]
    rows = [
        ClassQuality(
            predictions.classes[k],
            f"{int(actual[k]):,}",
            _share(int(hits[k]), int(predicted[k])),
            _share(int(hits[k]), int(actual[k])),
            _share(2 * int(hits[k]), int(actual[k] + predicted[k])),
        )
        for k in (order if len(order) > _MOST_CLASSES + 1 else sorted(order.tolist()))
    ]
    cut = len(predictions.classes) > len(rows)
    note = f"The {len(rows)} most frequent of {len(predictions.classes):,} classes are listed." if cut else ""
    return ClassTable(rows, note)


def _frequent_classes(predictions: LabelledPredictions, classes: list[str]) -> tuple[list[int], int]:
    """The codes of the classes with a row of their own, in the order of the classes; how many others there are."""
    if len(classes) <= _MOST_CLASSES + 1:  # one other would need a row too
        return list(range(len(classes))), 0
    rows = np.bincount(predictions.truth, minlength=len(classes))[: len(classes)]
    frequent = np.argsort(-rows, kind="stable")[:_MOST_CLASSES]
    return sorted(frequent.tolist()), len(classes) - _MOST_CLASSES


def _cell(count: int, total: int) -> ConfusionCell:
    share = count / max(total, 1)
    return ConfusionCell(f"{count:,}", share, format_percent(share))


def _width_em(labels: list[str], cells: list[list[ConfusionCell]]) -> float:
    columns = (
        max(max(len(cell.count), 0.85 * len(cell.share_text)) * _DIGIT_EM + 0.9 for cell in column)
        for column in zip(*cells, strict=True)
    )
    return round(min(max(map(letters, labels)), _LONGEST_LABEL) * _LETTER_EM + 1.5 + sum(columns), 1)


def _share(part: int, whole: int) -> str:
    return format_percent(part / whole) if whole else "–"
