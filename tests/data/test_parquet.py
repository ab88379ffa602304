"""Parquet is read into plain types, and a broken file is reported."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import read_table
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = datetime(2013, 1, 1, 5, tzinfo=UTC)
PLAIN = [
    (pa.array([Decimal("1.50"), None]), "double", [1.5, None]),
    (pa.array([1, None], pa.int8()), "int64", [1, None]),
    (pa.array([1, None], pa.uint64()), "int64", [1, None]),
    (pa.array([2**64 - 1, 1], pa.uint64()), "double", [2.0**64, 1.0]),
    (pa.array([1.5, None], pa.float32()), "double", [1.5, None]),
    (pa.array([1.5, None], pa.float16()), "double", [1.5, None]),
    (pa.array([float("nan"), 1.0]), "double", [None, 1.0]),
    (pa.array(["a", "b"]).dictionary_encode(), "string", ["a", "b"]),
    (pa.array([7, None]).dictionary_encode(), "int64", [7, None]),
    (pa.array(["a", None], pa.large_string()), "string", ["a", None]),
    (pa.array(["1", "2013-01-01"]), "string", ["1", "2013-01-01"]),
    (pa.array([True, None]), "bool", [True, None]),
    (pa.array([date(2013, 1, 1), None]), "timestamp[us, tz=UTC]", [datetime(2013, 1, 1, tzinfo=UTC), None]),
    (pa.array([MOMENT.replace(tzinfo=None), None], pa.timestamp("ns")), "timestamp[us, tz=UTC]", [MOMENT, None]),
    (pa.array([MOMENT], pa.timestamp("ms", "America/New_York")), "timestamp[us, tz=UTC]", [MOMENT]),
    (pa.array([1001], pa.timestamp("ns")), "timestamp[us, tz=UTC]", [datetime(1970, 1, 1, 0, 0, 0, 1, UTC)]),
    (pa.array([time(5, 30), None]), "string", ["05:30:00.000000", None]),
    (pa.nulls(2), "null", [None, None]),
    (pa.array([[1], None]), "list<element: int64>", [[1], None]),
    (pa.array([{"x": 1}]), "struct<x: int64>", [{"x": 1}]),
    (pa.array([b"\xff"]), "binary", [b"\xff"]),
    (pa.array([timedelta(seconds=1)], pa.duration("us")), "duration[us]", [timedelta(seconds=1)]),
]


@pytest.mark.parametrize(("column", "kind", "cells"), PLAIN, ids=[str(column.type) for column, _, _ in PLAIN])
def test_types_are_converted_to_plain_types(tmp_path: Path, column: pa.Array, kind: str, cells: list[object]) -> None:
    pq.write_table(pa.table({"a": column}), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert types(read) == {"a": kind}
    assert read.column("a").to_pylist() == cells


def test_a_time_outside_the_range_of_microseconds_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([2**54], pa.timestamp("ms"))}), tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet") == (
        f"{tmp_path}/t.parquet: 'a' of type timestamp[ms] contains a value that no plain type "
        "can hold; convert the column"
    )


def test_a_repeated_column_is_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet") == f"{tmp_path}/t.parquet has the column 'a' twice; rename one"


def test_the_unnamed_index_of_a_pandas_frame_is_not_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(10.0)})
    frame.sample(frac=1, random_state=0).to_parquet(tmp_path / "t.parquet")
    assert "__index_level_0__" in pq.read_schema(tmp_path / "t.parquet").names
    assert read_table(tmp_path / "t.parquet").column_names == ["a"]


def test_nulls_are_missing_by_their_spelling(tmp_path: Path) -> None:
    table = pa.table({"a": ["x", "late"], "b": [-999, 1], "c": [-999.0, 2.0], "d": [["late"], []]})
    pq.write_table(table, tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", nulls=["late", "-999"])
    assert read.to_pydict() == {"a": ["x", None], "b": [None, 1], "c": [None, 2.0], "d": [["late"], []]}
    assert types(read)["b"] == "int64"


def test_an_incomplete_parquet_file_is_reported(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    text = pa.array([b"\xff\xfe"]).view(pa.string())
    pq.write_table(pa.table({"a": text}), tmp_path / "odd.parquet")
    sources = [
        write(tmp_path, "csv.parquet", "a,b\n1,2\n"),
        write(tmp_path, "cut.parquet", whole[:-100]),
        write(tmp_path, "hole.parquet", whole[:200] + b"\xff" * 200 + whole[400:]),
        str(tmp_path / "odd.parquet"),
    ]
    for name in sources:
        assert refusal(name) == f"{name} is not a Parquet file, or an incomplete one; write it again"


def test_a_parquet_file_without_rows_is_reported(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet") == f"{tmp_path}/t.parquet has no rows; check that it is the table you mean"
