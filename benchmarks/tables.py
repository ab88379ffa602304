"""The tables that models are trained on: the flights of the example, and a made-up one of any width."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.servers import ROOT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FLIGHTS_TARGET", "FLIGHTS_UNKNOWN", "WIDE_TARGET", "flights", "sample", "wide"]

FLIGHTS_TARGET = "arr_delay"
FLIGHTS_UNKNOWN = ("arr_time", "air_time", "year")
"""Known only after landing, and what is the same for all."""
WIDE_TARGET = "target"


def flights(folder: Path) -> Path:
    """All flights as a Parquet file, written by the example's own script."""
    place = folder / "flights.parquet"
    runpy.run_path(str(ROOT / "examples" / "flights" / "data.py"))["main"](place)
    return place


def sample(table: Path, rows: int) -> Path:
    """A Parquet file of `rows` rows drawn from another, types and all."""
    place = table.with_name(f"{table.stem}-{rows}.parquet")
    whole = pq.read_table(table)
    kept = np.sort(np.random.default_rng(0).permutation(whole.num_rows)[:rows])
    pq.write_table(whole.take(pa.array(kept)), place)
    return place


def wide(columns: int, folder: Path, *, rows: int = 4_000) -> Path:
    """A table of `columns` features, a fifth of them words, a twentieth of the numbers missing."""
    random = np.random.default_rng(columns)
    texts = columns // 5
    numbers = random.normal(size=(rows, columns - texts)).round(6)
    target = numbers @ random.normal(size=columns - texts)
    numbers[random.random(numbers.shape) < 0.05] = np.nan
    frame = pd.DataFrame(numbers, columns=[f"number_{j}" for j in range(columns - texts)])
    words = np.array(["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath"])
    written = pd.DataFrame({f"word_{j}": words[random.integers(0, len(words), rows)] for j in range(texts)})
    place = folder / f"wide-{columns}.parquet"
    pd.concat([frame, written, pd.Series(target, name=WIDE_TARGET)], axis=1).to_parquet(place)
    return place
