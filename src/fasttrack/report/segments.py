"""Where a model errs more than elsewhere: each category and each tenth of a feature, tested against all other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, ndtri, stdtrit

from fasttrack.metrics.reference import bin_numbers
from fasttrack.report.bins import bins_of, labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract
    from fasttrack.metrics.reference import Reference
    from fasttrack.report.answers import Answers

    Floats = NDArray[np.float64]

__all__ = ["Segment", "Segments", "worst_segments"]

FEWEST = 30
"""Rows, in the segment and outside of it; of fewer, nothing is said."""
_MOST = 10
_FALSE_ALARM = 0.05
"""The chance that any segment at all is named where none differs."""


@dataclass(frozen=True)
class Segment:
    """Rows of a feature's bin, their mean error with a simultaneous interval, and that of all other rows."""

    column: int
    where: str
    rows: int
    error: float
    low: float
    high: float
    others: float


@dataclass(frozen=True)
class Segments:
    """`worst`: the worst for sure first, at most ten of `found`; `tested`: how many segments had enough rows."""

    overall: float
    tested: int
    found: int
    worst: list[Segment]


def worst_segments(contract: Contract, reference: Reference, matrix: Floats, told: Answers) -> Segments:
    """The segments of float64[n, f] `matrix` whose mean error is beyond chance greater than that of the other rows.

    Errors are absolute ones, tested by Welch's t (1947), or wrong labels, tested by Fisher's exact test (1935):
    one-sided, at 5 % divided by the number of segments (Bonferroni). The worst for sure is the one whose difference has
    the greatest lower bound at that level (of shares by Newcombe, 1998, method 10).
    """
    errors = told.errors
    n = len(errors)
    overall = float(errors.mean())
    counted = []
    for frozen in reference.features:
        column = contract.columns[frozen.column]
        bins = bins_of(column, frozen)
        place = bin_numbers(bins, matrix[:, frozen.column])
        size = len(bins.names)
        rows = np.bincount(place, minlength=size)
        off = np.bincount(place, errors - overall, minlength=size)  # around the mean, which keeps digits
        squares = np.bincount(place, (errors - overall) ** 2, minlength=size)
        names = labels(column, bins)
        enough = np.flatnonzero((rows >= FEWEST) & (n - rows >= FEWEST))
        counted += [(frozen.column, names[i], int(rows[i]), float(off[i]), float(squares[i])) for i in enough]
    if not counted:
        return Segments(overall, 0, 0, [])
    level = 1 - _FALSE_ALARM / len(counted)
    whole = float(((errors - overall) ** 2).sum())
    judge = _means if told.classes is None else _rates
    found = []
    for column_number, where, rows_in, off_in, squares_in in counted:
        surely, low, high = judge(overall, rows_in, off_in, squares_in, n, whole, level)
        if surely > -np.inf:
            others = overall - off_in / (n - rows_in)
            found.append(
                (surely, Segment(column_number, where, rows_in, overall + off_in / rows_in, low, high, others))
            )
    found.sort(key=lambda one: (-one[0], one[1].column, one[1].where))
    return Segments(overall, len(counted), len(found), [segment for _, segment in found[:_MOST]])


def _means(
    overall: float, rows: int, off: float, squares: float, n: int, whole: float, level: float
) -> tuple[float, float, float]:
    """By how much the mean is worse than the others' for sure, and its own interval; −∞ where chance would do."""
    rest = n - rows
    ours, theirs = off / rows, -off / rest
    variance = max(squares / rows - ours**2, 0.0) * rows / (rows - 1) / rows
    elsewhere = max((whole - squares) / rest - theirs**2, 0.0) * rest / (rest - 1) / rest
    both = variance + elsewhere
    if both == 0:
        return (ours - theirs) or -np.inf, overall + ours, overall + ours
    freedom = both**2 / (variance**2 / (rows - 1) + elsewhere**2 / (rest - 1))
    surely = ours - theirs - float(stdtrit(freedom, level)) * both**0.5
    if surely <= 0:
        surely = -np.inf
    half = float(stdtrit(rows - 1, (1 + level) / 2)) * variance**0.5
    return surely, max(overall + ours - half, 0.0), overall + ours + half


def _rates(
    overall: float, rows: int, off: float, squares: float, n: int, whole: float, level: float
) -> tuple[float, float, float]:
    """As `_means`, of shares."""
    rest = n - rows
    ours, theirs = overall + off / rows, overall - off / rest
    z = float(ndtri(level))
    low, _ = wilson(ours, rows, z)
    _, high = wilson(theirs, rest, z)
    surely = ours - theirs - ((ours - low) ** 2 + (high - theirs) ** 2) ** 0.5
    wrong = round(ours * rows)
    if fisher(wrong, rows, wrong + round(theirs * rest), n) > 1 - level:
        surely = -np.inf
    return surely, *wilson(ours, rows, float(ndtri((1 + level) / 2)))


def fisher(wrong: int, rows: int, all_wrong: int, n: int) -> float:
    """The chance of so many wrong or more among `rows` drawn from `n`, of which `all_wrong` are (hypergeometric)."""
    count = np.arange(wrong, min(rows, all_wrong) + 1)
    terms = _log_choose(all_wrong, count) + _log_choose(n - all_wrong, rows - count) - _log_choose(n, np.array(rows))
    return float(np.exp(terms).sum())


def _log_choose(n: int, k: NDArray[np.int64]) -> Floats:
    found: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return found


def wilson(share: float, rows: int, z: float) -> tuple[float, float]:
    """The score interval of a share among `rows` (Wilson, 1927), `z` standard errors to either side."""
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5 / (1 + z**2 / rows)
    return max(middle - half, 0.0), min(middle + half, 1.0)
