"""Which class is taken for which, and how well each is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.report.words import percent

if TYPE_CHECKING:
    from fasttrack.report.answers import Answers

__all__ = ["ClassQuality", "Confusion", "confusion", "per_class"]

_MOST = 12
"""Classes with a row of their own, the most frequent ones; the rest are one."""
_MOST_LISTED = 30


@dataclass(frozen=True)
class Confusion:
    """Rows are what was true, columns what was said: of each cell the count, its share of the row, and as text."""

    truths: list[str]
    guesses: list[str]
    cells: list[list[tuple[str, float, str]]]
    note: str


@dataclass(frozen=True)
class ClassQuality:
    """Of one class, as texts; a share that no row defines is a dash."""

    name: str
    rows: str
    precision: str
    recall: str
    f1: str


def confusion(told: Answers) -> Confusion | None:
    """The confusion matrix; `None` of a regression."""
    if told.classes is None:
        return None
    size = len(told.classes) + 1  # the last: labels that the model does not know
    counts = np.bincount(told.truth * size + told.guess, minlength=size * size).reshape(size, size)
    names = [*told.classes, "unknown label"]
    order = list(range(size - 1))
    note = ""
    if len(order) > _MOST:
        often = np.argsort(-counts[:-1].sum(axis=1), kind="stable")
        order, rest = sorted(often[:_MOST].tolist()), often[_MOST:]
        counts = np.vstack([counts[:-1], counts[rest].sum(axis=0), counts[-1:]])
        counts = np.hstack([counts[:, :-1], counts[:, rest].sum(axis=1, keepdims=True), counts[:, -1:]])
        names = [*told.classes, f"{len(rest):,} others", "unknown label"]
        order.append(size - 1)
        note = f"The {_MOST} most frequent of {len(told.classes):,} classes have a row of their own."
    truths = [*order, *([len(names) - 1] if counts[-1].any() else [])]
    cells = []
    for i in truths:
        whole = max(int(counts[i].sum()), 1)
        cells.append(
            [
                (f"{int(counts[i, j]):,}", float(counts[i, j] / whole), percent(float(counts[i, j] / whole)))
                for j in order
            ]
        )
    return Confusion([names[i] for i in truths], [names[j] for j in order], cells, note)


def per_class(told: Answers) -> list[ClassQuality]:
    """Precision, recall and F1 of each class, the most frequent 30; nothing of a regression."""
    if told.classes is None:
        return []
    size = len(told.classes) + 1
    true, said = (np.bincount(codes, minlength=size) for codes in (told.truth, told.guess))
    hits = np.bincount(told.truth[told.truth == told.guess], minlength=size)
    order = np.argsort(-true[:-1], kind="stable")[:_MOST_LISTED]
    return [
        ClassQuality(
            told.classes[k],
            f"{int(true[k]):,}",
            _share(int(hits[k]), int(said[k])),
            _share(int(hits[k]), int(true[k])),
            _share(2 * int(hits[k]), int(true[k] + said[k])),
        )
        for k in (order if len(order) > _MOST else sorted(order.tolist()))
    ]


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "–"
