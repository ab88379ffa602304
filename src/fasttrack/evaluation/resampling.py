"""Resamples of rows for the bootstrap: single rows, or whole clusters of rows that depend on each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["RESAMPLES", "Clusters", "draw_counts", "resamples"]

RESAMPLES = 1000
_FEWEST_CLUSTERS = 5
"""Fewer clusters favour the same model by chance more often than one time in twenty."""
_CELLS = 4_000_000
"""The number of weights in memory at a time (32 MB)."""


@dataclass(frozen=True)
class Clusters:
    """Rows that depend on each other: `codes` int[n], from 0, and the clusters' name, in the plural."""

    codes: NDArray[np.int64]
    name: str

    @property
    def count(self) -> int:
        """The number of clusters."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @property
    def enough(self) -> Clusters | None:
        """The clusters themselves; `None` if they are too few to resample."""
        return self if self.count >= _FEWEST_CLUSTERS else None


def resamples(n: int, seed: int, clusters: Clusters | None = None, weights: Floats | None = None) -> Iterator[Floats]:
    """How often each of n rows is drawn, times its weight, float64[b, n]: all resamples, some at a time."""
    random = np.random.default_rng(seed)
    chunk = max(1, min(RESAMPLES, _CELLS // max(n, 1)))
    for start in range(0, RESAMPLES, chunk):
        counts = draw_counts(random, min(chunk, RESAMPLES - start), n, clusters)
        yield counts if weights is None else counts * weights


def draw_counts(random: np.random.Generator, times: int, n: int, clusters: Clusters | None) -> Floats:
    """How often each of n rows is drawn, float64[times, n]: single rows, or k - 1 of k `clusters` whole."""
    units, draws = (n, n) if clusters is None else (clusters.count, max(clusters.count - 1, 1))
    drawn = random.integers(0, units, size=(times, draws))
    counts = np.stack([np.bincount(row, minlength=units) for row in drawn]).astype(np.float64)
    return counts if clusters is None else counts[:, clusters.codes]
