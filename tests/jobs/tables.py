"""Tables that tests train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path


def write_houses(folder: Path, rows: int = 400, *, noise: float = 1.0, seed: int = 0) -> Path:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "area": random.uniform(30, 200, rows).round(1),
            "rooms": random.integers(1, 8, rows),
            "district": random.choice(["north", "south", "old town"], rows),
            "garden": random.choice([True, False], rows),
            "built": pd.Timestamp("1950-01-01") + pd.to_timedelta(random.integers(0, 25_000, rows), unit="D"),
        }
    )
    frame["price"] = frame["area"] * 3 + (frame["district"] == "old town") * 80 + random.normal(0, noise * 10, rows)
    frame.loc[random.random(rows) < 0.1, "area"] = np.nan
    path = folder / "houses.csv"
    frame.to_csv(path, index=False)
    return path


def write_csv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"
