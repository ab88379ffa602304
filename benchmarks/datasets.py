"""The tables that models are trained on: the flights of the example, and generated tables of any width, and of text."""

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

__all__ = [
    "FLIGHTS_IGNORED",
    "FLIGHTS_TARGET",
    "TEXT_TARGETS",
    "WIDE_TARGET",
    "sample_rows",
    "write_flights",
    "write_texts",
    "write_wide_table",
]

FLIGHTS_TARGET = "arr_delay"
FLIGHTS_IGNORED = ("arr_time", "air_time", "year")
"""Columns that are known only after the landing, and a constant one."""
WIDE_TARGET = "target"
TEXT_TARGETS = {"text_logistic": "useful", "text_ridge": "score"}
"""By estimator, what it predicts of a text."""


def write_flights(folder: Path) -> Path:
    """All flights as a Parquet file, written by the example's own script."""
    path = folder / "flights.parquet"
    runpy.run_path(str(ROOT / "examples" / "flights" / "data.py"))["main"](path)
    return path


def sample_rows(table: Path, rows: int) -> Path:
    """A Parquet file of `rows` random rows of another, with the same types."""
    path = table.with_name(f"{table.stem}-{rows}.parquet")
    complete = pq.read_table(table)
    indices = np.sort(np.random.default_rng(0).permutation(complete.num_rows)[:rows])
    pq.write_table(complete.take(pa.array(indices)), path)
    return path


def write_wide_table(columns: int, folder: Path, *, rows: int = 4_000) -> Path:
    """A table of `columns` features: a fifth of them is text; a twentieth of the numbers is missing."""
    random = np.random.default_rng(columns)
    text_columns = columns // 5
    numbers = random.normal(size=(rows, columns - text_columns)).round(6)
    target = numbers @ random.normal(size=columns - text_columns)
    numbers[random.random(numbers.shape) < 0.05] = np.nan
    number_frame = pd.DataFrame(numbers, columns=[f"number_{j}" for j in range(columns - text_columns)])
    words = np.array(["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath"])
    text_frame = pd.DataFrame({f"word_{j}": words[random.integers(0, len(words), rows)] for j in range(text_columns)})
    path = folder / f"wide-{columns}.parquet"
    pd.concat([number_frame, text_frame, pd.Series(target, name=WIDE_TARGET)], axis=1).to_parquet(path)
    return path


def write_texts(folder: Path, target: str, *, rows: int) -> Path:
    """A table of `rows` texts, whose words are as frequent as those of a language (Zipf), and a target of these."""
    random = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = np.array(["".join(random.choice(letters, random.integers(3, 10))) for _ in range(20_000)])
    frequency = 1 / np.arange(1, len(vocabulary) + 1)
    worth = random.normal(size=len(vocabulary))
    lengths = random.poisson(25, rows) + 1
    words = np.split(
        random.choice(len(vocabulary), lengths.sum(), p=frequency / frequency.sum()), lengths.cumsum()[:-1]
    )
    score = np.array([worth[row].mean() for row in words])
    targets = {"score": score, "useful": (score > np.median(score)).astype(int)}
    path = folder / f"texts-{target}.parquet"
    texts = [" ".join(vocabulary[row]).capitalize() + "." for row in words]
    pd.DataFrame({"text": texts, target: targets[target]}).to_parquet(path)
    return path
