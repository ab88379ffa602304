"""The sizes of all measurements, and how repeated measurements are scheduled and summarised."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.processors import Processors

__all__ = ["FULL", "QUICK", "Bench", "Workload", "median", "run_interleaved"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True)
class Workload:
    """Sizes of the measurements.

    `table_rows`: train on a sample of so many flights, or on all of them if `None`. `families`: the estimators that are
    measured in process, in addition to boosting. `few_rows`, `many_rows`: numbers of predicted rows after which memory
    is compared.
    """

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    rows_per_request: tuple[int, ...]
    widths: tuple[int, ...]
    table_rows: int | None
    in_process_rows: int
    families: tuple[str, ...]
    starts: int
    check_rows: int
    few_rows: int
    many_rows: int
    database_rows: int
    parquet_rows: int
    sample_rows: int
    texts: int
    quick: bool
    quality_seconds: float


FULL = Workload(
    rounds=5,
    seconds=10,
    connections=(1, 16, 64),
    rows_per_request=(1, 100, 10_000),
    widths=(10, 100, 600),
    table_rows=None,
    in_process_rows=100_000,
    families=("estimators:one_hot_boosting", "forest", "linear"),
    starts=5,
    check_rows=10_000_000,
    few_rows=10_000,
    many_rows=10_000_000,
    database_rows=1_000_000,
    parquet_rows=10_000_000,
    sample_rows=100_000,
    texts=5_000,
    quick=False,
    quality_seconds=60,
)
QUICK = Workload(
    rounds=1,
    seconds=1,
    connections=(1, 4),
    rows_per_request=(1, 20),
    widths=(12,),
    table_rows=2_000,
    in_process_rows=1_000,
    families=("linear",),
    starts=1,
    check_rows=100_000,
    few_rows=1_000,
    many_rows=20_000,
    database_rows=20_000,
    parquet_rows=50_000,
    sample_rows=2_000,
    texts=300,
    quick=True,
    quality_seconds=2,
)


@dataclass(frozen=True)
class Bench:
    """What every measurement needs: the workload, the processors, and a folder for temporary files."""

    workload: Workload
    processors: Processors
    folder: Path


def run_interleaved(work: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, list[T]]:
    """Call every function once per round, and return the results of all rounds by key.

    Each round starts with another function, so that a slow period of the machine affects all of them alike.
    """
    results: dict[K, list[T]] = {key: [] for key in work}
    keys = list(work)
    for number in range(rounds):
        start = number % len(keys)
        for key in keys[start:] + keys[:start]:
            results[key].append(work[key]())
    return results


def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)
