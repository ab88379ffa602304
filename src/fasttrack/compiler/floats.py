"""The order of the float64 numbers: neighbours, and bisection over all of them for a non-decreasing function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["adjacent_floats", "finite_domain", "largest_input_at_most"]

_LARGEST = float(np.finfo(np.float64).max)
_ROUNDING = 2**29
"""How many float64 numbers lie between two neighbouring float32 numbers."""


def _rank(x: Floats) -> NDArray[np.int64]:
    """Integers in the same order as `x`, consecutive for neighbouring floats."""
    bits = x.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _unrank(rank: NDArray[np.int64]) -> Floats:
    """The inverse of `_rank`."""
    return np.where(rank < 0, np.int64(-(2**63)) - rank, rank).view(np.float64)


def largest_input_at_most(function: Callable[[Floats], Floats], thresholds: Floats) -> Floats:
    """float64[k]: for each of k thresholds, the largest x with function(x) <= threshold, found by bisection.

    −inf if no finite x satisfies it, +inf if all do. `function` must be non-decreasing.
    """
    smallest, largest = np.full(len(thresholds), -_LARGEST), np.full(len(thresholds), _LARGEST)
    none = function(smallest) > thresholds
    every = function(largest) <= thresholds
    low, high = _bracket(function, thresholds, _rank(smallest), _rank(largest))
    while (low < high).any():
        # both are halved before they are added, because their sum would overflow
        middle = (low >> 1) + (high >> 1) + ((low | high) & 1)
        holds = function(_unrank(middle)) <= thresholds
        low, high = np.where(holds, middle, low), np.where(holds, high, middle - 1)
    return np.where(none, -np.inf, np.where(every, np.inf, _unrank(low)))


def _bracket(
    function: Callable[[Floats], Floats], thresholds: Floats, low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ranks between which to search: close to a threshold where the function only rounds, else `low` to `high`."""
    near = _rank(np.clip(np.where(np.isnan(thresholds), 0.0, thresholds), -_LARGEST, _LARGEST))
    near_low, near_high = np.maximum(near - _ROUNDING, low), np.minimum(near + _ROUNDING, high)
    inside = (function(_unrank(near_low)) <= thresholds) & (function(_unrank(near_high)) > thresholds)
    return np.where(inside, near_low, low), np.where(inside, near_high, high)


def finite_domain(function: Callable[[Floats], Floats]) -> tuple[float, float]:
    """The smallest and the largest finite x with a finite function(x). `function` must be non-decreasing."""
    below, high = largest_input_at_most(function, np.array([-np.inf, _LARGEST]))
    low = -_LARGEST if below == -np.inf else np.nextafter(below, np.inf)
    return float(low), float(min(high, _LARGEST))


def adjacent_floats(x: Floats) -> Floats:
    """Each number of `x` together with the float before it and the float after it, sorted, without duplicates."""
    return np.unique(np.concatenate([np.nextafter(x, -np.inf), x, np.nextafter(x, np.inf)]))
