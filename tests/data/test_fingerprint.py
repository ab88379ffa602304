"""A fingerprint depends on the content alone: on every cell, not on chunks, compression or format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from fasttrack.data import Fingerprint, fingerprint, read_table

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table(
    {
        "a": [1, None, 3],
        "b": ["x", None, "zz"],
        "c": [True, None, False],
        "d": pa.array([0, None, 1], pa.timestamp("us", "UTC")),
        "e": [0.5, None, 1.0],
        "f": pa.nulls(3),
        "g": [[1], None, [2, 3]],
        "h": pa.array([1, None, 2], pa.duration("us")),
    }
)


def sha(table: pa.Table) -> str:
    return fingerprint(table, "s").content_sha256


def test_it_says_source_size_and_types(tmp_path: Path) -> None:
    seen = fingerprint(TABLE.select(["a", "d"]), tmp_path / "t.csv")
    assert (seen.source, seen.rows) == (str(tmp_path / "t.csv"), 3)
    assert seen.columns == {"a": "int64", "d": "timestamp[us, tz=UTC]"}
    assert msgspec.json.decode(msgspec.json.encode(seen), type=Fingerprint) == seen


def test_chunks_do_not_count() -> None:
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 0), TABLE.slice(1)])
    assert sha(chunked) == sha(TABLE)
    longer = pa.concat_tables([TABLE, TABLE, TABLE]).combine_chunks()
    assert sha(longer.slice(3, 3)) == sha(TABLE)


def test_bytes_under_a_missing_cell_do_not_count() -> None:
    validity = pa.array([True, False]).buffers()[1]
    one, other = (
        pa.Array.from_buffers(pa.int64(), 2, [validity, pa.array(cells).buffers()[1]]) for cells in ([7, 9], [7, 0])
    )
    assert one.to_pylist() == other.to_pylist() == [7, None]
    assert sha(pa.table({"a": one})) == sha(pa.table({"a": other}))


def test_format_and_compression_do_not_count(tmp_path: Path) -> None:
    plain = TABLE.select(["a", "b", "c", "d", "e"])
    plain = plain.filter(pc.is_valid(plain["a"]))  # a row without any value is no row of a CSV file
    pq.write_table(plain, tmp_path / "t.parquet")
    pcsv.write_csv(plain, tmp_path / "t.csv")
    with pa.CompressedOutputStream(str(tmp_path / "t.csv.gz"), "gzip") as stream:
        pcsv.write_csv(plain, stream)
    assert {sha(read_table(path)) for path in tmp_path.iterdir()} == {sha(plain)}


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("a", [1, 0, 3]),
        ("a", [1.0, None, 3.0]),
        ("b", ["x", "", "zz"]),
        ("b", ["xz", None, "z"]),
        ("c", [True, False, False]),
        ("d", pa.array([0, None, 2], pa.timestamp("us", "UTC"))),
        ("e", [0.5, None, 1.0000000000000002]),
        ("g", [[1], None, [2, 4]]),
        ("h", pa.array([1, None, 3], pa.duration("us"))),
    ],
)
def test_every_cell_counts(column: str, cells: list[object] | pa.Array) -> None:
    other = TABLE.set_column(TABLE.column_names.index(column), column, pa.array(cells))
    assert sha(other) != sha(TABLE)


def test_names_and_the_order_of_rows_and_columns_count() -> None:
    others = [
        TABLE.rename_columns(["A", *TABLE.column_names[1:]]),
        TABLE.take([1, 0, 2]),
        TABLE.select(TABLE.column_names[::-1]),
        TABLE.slice(0, 2),
    ]
    assert len({sha(table) for table in [TABLE, *others]}) == 5
