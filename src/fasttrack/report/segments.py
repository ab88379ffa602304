"""Segments with larger errors: each category and each tenth of a feature, tested against all other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, ndtri, stdtrit

from fasttrack.metrics.reference import bin_numbers
from fasttrack.report.bin_labels import bin_labels, segment_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract
    from fasttrack.metrics.reference import Reference
    from fasttrack.report.labelled_predictions import LabelledPredictions

    Floats = NDArray[np.float64]

__all__ = ["LEAST_ROWS", "Segment", "Segments", "fisher_tail", "wilson_interval", "worst_segments"]

LEAST_ROWS = 30
"""Rows that a segment needs, and that there must be outside of it, to be tested."""
_MOST_SEGMENTS = 10
_FALSE_ALARM = 0.05
"""The chance that any segment at all is reported where none differs."""


@dataclass(frozen=True)
class Segment:
    """The rows in a bin of a feature: their mean error with a simultaneous interval, and that of all other rows."""

    column: int
    label: str
    rows: int
    error: float
    low: float
    high: float
    others: float


@dataclass(frozen=True)
class Segments:
    """`worst`: the segments that are certainly worse, at most ten of `significant`; `tested`: how many were tested."""

    overall: float
    tested: int
    significant: int
    worst: list[Segment]


@dataclass(frozen=True)
class _Candidate:
    """A segment to test. `excess` and `squares`: sums of errors and of their squares, around the mean of all rows."""

    column: int
    label: str
    rows: int
    excess: float
    squares: float


@dataclass(frozen=True)
class _Rows:
    """All rows: how many, their mean error, and the sum of the squared differences from it."""

    n: int
    mean: float
    squares: float


def worst_segments(
    contract: Contract, reference: Reference, matrix: Floats, predictions: LabelledPredictions
) -> Segments:
    """The segments of float64[n, f] `matrix` whose mean error is significantly greater than that of the other rows.

    Errors are absolute ones, tested by Welch's t (1947), or wrong labels, tested by Fisher's exact test (1935):
    one-sided, at 5 % divided by the number of segments (Bonferroni). They are ordered by the lower bound of the
    difference at that level (for shares by Newcombe, 1998, method 10), the greatest first.
    """
    errors = predictions.errors
    mean = float(errors.mean())
    candidates = _candidates(contract, reference, matrix, errors, mean)
    if not candidates:
        return Segments(mean, 0, 0, [])
    level = 1 - _FALSE_ALARM / len(candidates)
    every = _Rows(len(errors), mean, float(((errors - mean) ** 2).sum()))
    compare = _compare_means if predictions.classes is None else _compare_shares
    worse: list[tuple[float, Segment]] = []
    for segment in candidates:
        difference, low, high = compare(segment, every, level)
        if difference > -np.inf:
            error = mean + segment.excess / segment.rows
            others = mean - segment.excess / (every.n - segment.rows)
            worse.append((difference, Segment(segment.column, segment.label, segment.rows, error, low, high, others)))
    worse.sort(key=lambda entry: (-entry[0], entry[1].column, entry[1].label))
    return Segments(mean, len(candidates), len(worse), [segment for _, segment in worse[:_MOST_SEGMENTS]])


def _candidates(
    contract: Contract, reference: Reference, matrix: Floats, errors: Floats, mean: float
) -> list[_Candidate]:
    n = len(errors)
    candidates = []
    for feature in reference.features:
        column = contract.columns[feature.column]
        bins = segment_bins(column, feature)
        numbers = bin_numbers(bins, matrix[:, feature.column])
        size = len(bins.names)
        rows = np.bincount(numbers, minlength=size)
        excess = np.bincount(numbers, errors - mean, minlength=size)  # around the mean, which keeps digits
        squares = np.bincount(numbers, (errors - mean) ** 2, minlength=size)
        labels = bin_labels(column, bins)
        candidates += [
            _Candidate(feature.column, labels[i], int(rows[i]), float(excess[i]), float(squares[i]))
            for i in np.flatnonzero((rows >= LEAST_ROWS) & (n - rows >= LEAST_ROWS))
        ]
    return candidates


def _compare_means(segment: _Candidate, every: _Rows, level: float) -> tuple[float, float, float]:
    """The lower bound of the difference from the other rows' mean error, −∞ where it is not significant; the interval
    of the segment's own mean error."""
    rows, rest = segment.rows, every.n - segment.rows
    inside, outside = segment.excess / rows, -segment.excess / rest
    variance = max(segment.squares / rows - inside**2, 0.0) * rows / (rows - 1) / rows
    other_variance = max((every.squares - segment.squares) / rest - outside**2, 0.0) * rest / (rest - 1) / rest
    total = variance + other_variance
    if total == 0:
        return (inside - outside) or -np.inf, every.mean + inside, every.mean + inside
    freedom = total**2 / (variance**2 / (rows - 1) + other_variance**2 / (rest - 1))
    bound = inside - outside - float(stdtrit(freedom, level)) * total**0.5
    if bound <= 0:
        bound = -np.inf
    half = float(stdtrit(rows - 1, (1 + level) / 2)) * variance**0.5
    return bound, max(every.mean + inside - half, 0.0), every.mean + inside + half


def _compare_shares(segment: _Candidate, every: _Rows, level: float) -> tuple[float, float, float]:
    """As `_compare_means`, for shares of wrong labels."""
    rows, rest = segment.rows, every.n - segment.rows
    inside, outside = every.mean + segment.excess / rows, every.mean - segment.excess / rest
    z = float(ndtri(level))
    low, _ = wilson_interval(inside, rows, z)
    _, high = wilson_interval(outside, rest, z)
    bound = inside - outside - ((inside - low) ** 2 + (high - outside) ** 2) ** 0.5
    wrong = round(inside * rows)
    if fisher_tail(wrong, rows, wrong + round(outside * rest), every.n) > 1 - level:
        bound = -np.inf
    return bound, *wilson_interval(inside, rows, float(ndtri((1 + level) / 2)))


def fisher_tail(wrong: int, rows: int, all_wrong: int, n: int) -> float:
    """The probability of at least `wrong` among `rows` drawn from `n`, of which `all_wrong` are (hypergeometric)."""
    count = np.arange(wrong, min(rows, all_wrong) + 1)
    terms = _log_choose(all_wrong, count) + _log_choose(n - all_wrong, rows - count) - _log_choose(n, np.array(rows))
    return float(np.exp(terms).sum())


def _log_choose(n: int, k: NDArray[np.int64]) -> Floats:
    logarithm: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return logarithm


def wilson_interval(share: float, rows: int, z: float) -> tuple[float, float]:
    """The score interval of a share among `rows` (Wilson, 1927), `z` standard errors to each side."""
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5 / (1 + z**2 / rows)
    return max(middle - half, 0.0), min(middle + half, 1.0)
