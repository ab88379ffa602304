"""Batches add up to the whole table, and only the selected columns are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import read_table, scan_table
from fasttrack.errors import DataError
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from pathlib import Path


def spoil(path: Path, column: int) -> None:
    """Make a column's bytes unreadable, and leave the others."""
    place = pq.read_metadata(path).row_group(0).column(column)
    content = bytearray(path.read_bytes())
    start = place.dictionary_page_offset or place.data_page_offset
    content[start : start + place.total_compressed_size] = b"\xff" * place.total_compressed_size
    path.write_bytes(content)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_batches_add_up_to_the_whole_table(tmp_path: Path, ending: str) -> None:
    for name, number in (("a", 1), ("b", 0.5)):
        rows = {"n": [number * i for i in range(70_000)], "w": [f"w{i % 5}" for i in range(70_000)]}
        match ending:
            case "csv":
                lines = [f"{n},{w}" for n, w in zip(*rows.values(), strict=True)]
                write(tmp_path, f"{name}.csv", "n,w\n" + "\n".join(lines))
            case "jsonl":
                lines = [json.dumps({"n": n, "w": w}) for n, w in zip(*rows.values(), strict=True)]
                write(tmp_path, f"{name}.jsonl", "\n".join(lines))
            case _:
                pq.write_table(pa.table(rows), tmp_path / f"{name}.parquet")
    whole = read_table(tmp_path)
    assert types(whole) == {"n": "double", "w": "string"}
    scan = scan_table(tmp_path)
    for _ in range(2):
        batches = list(scan.batches())
        assert all(dict(zip(b.column_names, b.schema.types, strict=True)) == scan.columns for b in batches)
        assert max(batch.num_rows for batch in batches) <= 65_536
        assert pa.concat_tables(batches).equals(whole)
    subset = scan_table(tmp_path, columns=["w"])
    assert pa.concat_tables(subset.batches()).equals(whole.select(["w"]))
    assert read_table(tmp_path, columns=["w", "n"]).equals(whole)


def test_columns_that_are_not_selected_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": range(1000), "b": range(1000), "c.d": range(1000), "c": range(1000)}), path)
    spoil(path, 1)
    assert "is not a Parquet file, or an incomplete one" in refusal(path)
    assert read_table(path, columns=["c"]).to_pydict() == {"c": list(range(1000))}
    assert read_table(path, columns=["c.d", "a"]).column_names == ["c.d", "a"]
    odd = write(tmp_path, "t.csv", "a,b\n" + "".join(f"{i},{i if i else 'x1'}\n" for i in range(100)))
    assert "row 1: b is" in refusal(odd)
    assert read_table(odd, columns=["a"]).num_rows == 100


def test_a_column_that_changes_its_type_is_reported_before_a_row_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(1000), "b": range(1000)}), tmp_path / "1.parquet")
    spoil(tmp_path / "1.parquet", 0)
    pq.write_table(pa.table({"a": ["x"], "b": [1]}), tmp_path / "2.parquet")
    message = (
        f"'a' is int64 in {tmp_path}/1.parquet but string in {tmp_path}/2.parquet; "
        "give it one type, or set the column's kind to category to read all as text"
    )
    assert refusal(tmp_path, rows=10) == refusal(tmp_path) == message
    with pytest.raises(DataError, match="give it one type"):
        scan_table(tmp_path)
    (tmp_path / "2.parquet").unlink()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "2.parquet")
    assert refusal(tmp_path, columns=["a"]) == (
        f"{tmp_path}/1.parquet and {tmp_path}/2.parquet differ in the columns 'b'; give them the same columns"
    )


def test_unsigned_numbers_have_one_type_in_all_batches(tmp_path: Path) -> None:
    cells = pa.array([1] * 70_000 + [2**64 - 1], pa.uint64())
    for name, statistics in (("with", True), ("without", False)):
        pq.write_table(pa.table({"a": cells}), tmp_path / f"{name}.parquet", write_statistics=statistics)
        scan = scan_table(tmp_path / f"{name}.parquet")
        assert scan.columns == {"a": pa.float64()}
        assert {batch.schema.field("a").type for batch in scan.batches()} == {pa.float64()}


def test_an_error_far_down_is_reported_with_its_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["1"] * 70_000 + ["x"]}), tmp_path / "t.parquet", row_group_size=9000)
    message = refusal(tmp_path / "t.parquet", kinds={"a": "number"})
    assert message.startswith(f'{tmp_path}/t.parquet row 70001: a is "x", expected a number')
    with pytest.raises(DataError, match='row 70001: a is "x"'):
        list(scan_table(tmp_path / "t.parquet", kinds={"a": "number"}).batches())


def test_hive_folders_are_columns(tmp_path: Path) -> None:
    for folder, count in (("y=2013/c=de", 1), ("y=2014/c=__HIVE_DEFAULT_PARTITION__", 2), ("y=2014/c=a%2Fb", 3)):
        (tmp_path / "s" / folder).mkdir(parents=True)
        pq.write_table(pa.table({"n": range(count)}), tmp_path / "s" / folder / "p.parquet")
    read = read_table(tmp_path / "s")
    assert types(read) == {"n": "int64", "y": "int64", "c": "string"}
    assert read.column("c").to_pylist() == ["de", None, None, "a/b", "a/b", "a/b"]
    assert read_table(tmp_path / "s", columns=["y"]).column("y").to_pylist() == [2013] + [2014] * 5
    assert read_table(f"{tmp_path}/s/*/c=de/*.parquet").to_pydict() == {"n": [0], "y": [2013], "c": ["de"]}
    assert scan_table(tmp_path / "s").columns == dict(zip(read.column_names, read.schema.types, strict=True))
    write(tmp_path, "t/zip=007/a.csv", "n,zip\n1,x\n")
    write(tmp_path, "t/zip=8/a.csv", "n,zip\n2,y\n")
    assert read_table(tmp_path / "t").to_pydict() == {"n": [1, 2], "zip": ["x", "y"]}
    write(tmp_path, "u/zip=007/a.csv", "n\n1\n")
    write(tmp_path, "u/zip=8/a.csv", "n\n2\n")
    assert read_table(tmp_path / "u", columns=["zip"]).to_pydict() == {"zip": ["007", "8"]}


def test_what_is_selected_and_does_not_exist_is_reported(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", "area,price\n1,2\n")
    assert refusal(name, columns=["prise"]) == f"{name} has no column 'prise'; did you mean price?"
    assert refusal(name, columns=[]) == f"{name}: no column is selected; name at least one"
    assert refusal(name, rows=0) == "a sample of 0 rows is empty; write a number of at least 1"
    assert refusal(name, query="SELECT 1") == f"{name} is not a database: leave out --query and --table"
    pq.write_table(pa.table({"a": np.array([], np.int64)}), tmp_path / "none.parquet")
    with pytest.raises(DataError, match="has no rows"):
        list(scan_table(tmp_path / "none.parquet").batches())
