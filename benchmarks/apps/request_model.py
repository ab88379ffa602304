"""A row of a request as a pydantic model, and the fitted pipeline: shared by the servers for comparison."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
from pydantic import BaseModel, create_model

__all__ = ["COLUMNS", "PIPELINE", "Flight", "load_pipeline", "make_row_class"]

PIPELINE = "BENCHMARK_PIPELINE"
"""Environment variable: the path of the joblib file."""
COLUMNS = "BENCHMARK_COLUMNS"
"""Environment variable, for a table other than flights: a JSON file with `number` or `text` by column name."""


class Flight(BaseModel):
    """What is known of a flight at its departure."""

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


def make_row_class() -> type[BaseModel]:
    """`Flight`, or a class with a field for each column of the table that COLUMNS describes."""
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
