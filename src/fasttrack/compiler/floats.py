"""The line of all float64 numbers as whole numbers, and where a never-decreasing function on it passes a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["finite_range", "last_not_above", "neighbours"]

_LARGEST = float(np.finfo(np.float64).max)


def _rank(x: Floats) -> NDArray[np.int64]:
    bits = x.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _unrank(rank: NDArray[np.int64]) -> Floats:
    return np.where(rank < 0, np.int64(-(2**63)) - rank, rank).view(np.float64)


def last_not_above(function: Callable[[Floats], Floats], thresholds: Floats) -> Floats:
    """float64[k]: the largest x with function(x) <= threshold, for each of k thresholds.

    −inf where there is none, +inf where all finite x are. `function` never decreases; found by bisection, exactly.
    """
    low = np.full(len(thresholds), _rank(np.array([-_LARGEST]))[0])
    high = np.full(len(thresholds), _rank(np.array([_LARGEST]))[0])
    none = function(_unrank(low)) > thresholds
    every = function(_unrank(high)) <= thresholds
    for _ in range(64):
        # halves of each, as their sum would overflow
        middle = (low >> 1) + (high >> 1) + ((low | high) & 1)
        holds = function(_unrank(middle)) <= thresholds
        low, high = np.where(holds, middle, low), np.where(holds, high, middle - 1)
    return np.where(none, -np.inf, np.where(every, np.inf, _unrank(low)))


def finite_range(function: Callable[[Floats], Floats]) -> tuple[float, float]:
    """The first and the last finite x for which function(x) is finite; `function` never decreases."""
    below, high = last_not_above(function, np.array([-np.inf, _LARGEST]))
    low = -_LARGEST if below == -np.inf else np.nextafter(below, np.inf)
    return float(low), float(min(high, _LARGEST))


def neighbours(x: Floats) -> Floats:
    """Each number with the float before and the float after it."""
    return np.unique(np.concatenate([np.nextafter(x, -np.inf), x, np.nextafter(x, np.inf)]))
