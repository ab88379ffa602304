"""How many threads a fit may use: by the table's size and by the processors that are really available.

The threads of OpenMP wait for each other by spinning. When other processes need the processors, a fit of a small table,
which has thousands of short parallel loops, then takes a hundred times as long as on one thread.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from fasttrack.processors import available_processors

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bounded_threads", "fitting_threads", "is_small"]

_CELLS_PER_THREAD = 100_000
"""A table with fewer cells gives a second thread too little to do."""


def fitting_threads(cells: int) -> int:
    """The threads for a fit on a table of so many cells: 1 for a small one, at most one for each processor."""
    return max(1, min(available_processors(), cells // _CELLS_PER_THREAD))


def is_small(cells: int) -> bool:
    """Whether a table of so many cells is fitted on one thread on every machine."""
    return cells < 2 * _CELLS_PER_THREAD


@contextmanager
def bounded_threads(cells: int) -> Iterator[int]:
    """Within it, the pools of OpenMP and BLAS have at most `fitting_threads` threads.

    Pools do not multiply: what joblib runs in threads, the trees of a forest, uses neither OpenMP nor BLAS, and joblib
    limits both in the processes that it starts. An estimator's own `n_jobs` is not changed: joblib counts the
    processors as `available_processors` does.
    """
    threads = fitting_threads(cells)
    with threadpool_limits(limits=threads):
        yield threads
