"""A request's row as a pydantic model, and the pipeline behind it: what the hand-written services share."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
from pydantic import BaseModel, create_model

__all__ = ["COLUMNS", "PIPELINE", "Flight", "load_pipeline", "row_class"]

PIPELINE = "BENCHMARK_PIPELINE"
"""Environment variable: the joblib file."""
COLUMNS = "BENCHMARK_COLUMNS"
"""Environment variable: a JSON file of column names and `number` or `text`, of a table other than flights."""


class Flight(BaseModel):
    """A flight at the moment it leaves."""

    month: int
    day: int
    dep_time: int
    sched_dep_time: int
    dep_delay: int
    sched_arr_time: int
    carrier: str
    flight: int
    tailnum: str
    origin: str
    dest: str
    distance: int
    hour: int
    minute: int
    time_hour: datetime


def row_class() -> type[BaseModel]:
    """`Flight`, or for the table that COLUMNS describes what writing a line a column would give."""
    if COLUMNS not in os.environ:
        return Flight
    columns = json.loads(Path(os.environ[COLUMNS]).read_text())
    fields: dict[str, Any] = {
        name: (str, ...) if kind == "text" else (float | None, None) for name, kind in columns.items()
    }
    return create_model("Row", **fields)


def load_pipeline() -> Any:
    """The fitted scikit-learn pipeline."""
    return joblib.load(os.environ[PIPELINE])
