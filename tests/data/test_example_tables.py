"""The example tables are what their packages ship, and the largest is read in seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fasttrack.data import fingerprint, read_table
from tests.data.files import types

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def fetch(example: str, place: Path) -> None:
    script = EXAMPLES / example / "data.py"
    done = subprocess.run([sys.executable, "-W", "error", script, place], check=True, capture_output=True, text=True)
    assert done.stdout.endswith(f" rows to {place}\n")
    assert done.stderr == ""
    assert list(place.parent.iterdir()) == [place]


def test_linear_is_a_straight_line() -> None:
    read = read_table(EXAMPLES / "linear" / "linear.csv")
    assert [float(x) for x in read.column("x").to_pylist()] == list(range(80))
    assert [2 * x + 1 for x in read.column("x").to_pylist()] == read.column("y").to_pylist()


def test_penguins_are_as_shipped(tmp_path: Path) -> None:
    fetch("penguins", tmp_path / "penguins.csv")
    read = read_table(tmp_path / "penguins.csv")
    assert read.num_rows == 344
    assert types(read) == {
        "species": "string",
        "island": "string",
        "bill_length_mm": "double",
        "bill_depth_mm": "double",
        "flipper_length_mm": "int64",
        "body_mass_g": "int64",
        "sex": "string",
        "year": "int64",
    }
    assert read.column("sex").null_count == 11


@pytest.mark.parametrize("name", ["flights.csv", "flights.parquet"])
def test_flights_are_as_shipped_and_read_in_seconds(tmp_path: Path, name: str) -> None:
    fetch("flights", tmp_path / "new" / name)
    start = time.perf_counter()
    read = read_table(tmp_path / "new" / name)
    assert time.perf_counter() - start < 10  # about one, on one idle core
    assert read.shape == (336_776, 19)
    text = {"carrier", "tailnum", "origin", "dest"}
    moment = {"time_hour": "timestamp[us, tz=UTC]"}
    assert types(read) == {
        column: "string" if column in text else moment.get(column, "int64") for column in read.column_names
    }
    assert read.column("arr_delay").null_count == 9_430
    # the same content, however it is stored
    assert fingerprint(read, name).content_sha256.startswith("b7a4e018")
