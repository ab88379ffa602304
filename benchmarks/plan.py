"""How much is measured: in full for the figures, quickly to see that everything runs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.machine import Cores

__all__ = ["FULL", "QUICK", "Bench", "Plan", "interleaved", "middle"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """Sizes. `table_rows`: a sample of the flights to train on, `None` for all of them.

    `families`: the estimators that are measured in process, beside boosting. `few_rows`, `many_rows`: predicted rows
    after which memory is compared.
    """

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    rows_a_request: tuple[int, ...]
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


FULL = Plan(
    rounds=5,
    seconds=10,
    connections=(1, 16, 64),
    rows_a_request=(1, 100, 10_000),
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
)
QUICK = Plan(
    rounds=1,
    seconds=1,
    connections=(1, 4),
    rows_a_request=(1, 20),
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
)


@dataclass(frozen=True)
class Bench:
    """What every measurement is given: the plan, the processors, a folder for what it makes."""

    plan: Plan
    cores: Cores
    folder: Path


def interleaved(work: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, list[T]]:
    """Do everything once a round, in another order each time: a slow minute of the machine strikes all alike."""
    found: dict[K, list[T]] = {key: [] for key in work}
    keys = list(work)
    for number in range(rounds):
        start = number % len(keys)
        for key in keys[start:] + keys[:start]:
            found[key].append(work[key]())
    return found


def middle(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)
