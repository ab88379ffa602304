"""Feather and Arrow IPC files are read in their types, batch by batch, and each error is one line."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.feather as pf
import pytest

from fasttrack.data import Source, read_table, scan_table
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table(
    {
        "a": pa.array([1, 2, None], pa.int32()),
        "word": pa.array(["x", "y", "x"]).dictionary_encode(),
        "__index_level_0__": [5, 6, 7],
        "large": pa.array([1, 2**63, 3], pa.uint64()),
    }
)
READ = {"a": [1, 2, None], "word": ["x", "y", "x"], "large": [1.0, 2.0**63, 3.0]}


def stream() -> bytes:
    content = io.BytesIO()
    with pa.ipc.new_stream(content, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=2)
    return content.getvalue()


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd", "stream", ".gz"])
def test_every_form_is_read(tmp_path: Path, compression: str) -> None:
    name = str(tmp_path / "t.feather")
    if compression in ("stream", ".gz"):
        write(tmp_path, "t.feather", stream())
    else:
        pf.write_feather(TABLE, name, compression=compression)
    if compression == ".gz":
        packed = pa.CompressedOutputStream(f"{name}.gz", "gzip")
        with packed:
            packed.write(stream())
        name += ".gz"
    source = Source(name)
    assert source.names == list(READ)
    assert source.read().to_pydict() == READ
    assert types(source.read(columns=["a"])) == {"a": "int64"}
    assert next(scan_table(name, columns=["word"]).batches()).column("word")[0].as_py() == "x"
    assert read_table(name, nulls=["y"], kinds={"a": "number"}).to_pydict() == {
        "a": [1.0, 2.0, None],
        "word": ["x", None, "x"],
        "large": READ["large"],
    }


def test_large_batches_are_cut_and_counted_once(tmp_path: Path) -> None:
    pf.write_feather(pa.table({"a": range(150_000)}), str(tmp_path / "t.arrow"), chunksize=100_000)
    scan = scan_table(tmp_path / "t.arrow")
    assert [batch.num_rows for batch in scan.batches()] == [65_536, 34_464, 50_000]
    assert [batch.num_rows for batch in scan.batches()] == [65_536, 34_464, 50_000]
    assert scan.columns == {"a": pa.int64()}


def test_folders_are_columns(tmp_path: Path) -> None:
    for year in (2019, 2020):
        (tmp_path / f"s/year={year}").mkdir(parents=True)
        pf.write_feather(pa.table({"a": [year]}), str(tmp_path / f"s/year={year}/t.feather"))
    assert read_table(tmp_path / "s").to_pydict() == {"a": [2019, 2020], "year": [2019, 2020]}
    assert read_table(tmp_path / "s", columns=["year"]).to_pydict() == {"year": [2019, 2020]}


def test_what_is_cut_short_is_refused_in_one_line(tmp_path: Path) -> None:
    pf.write_feather(TABLE, str(tmp_path / "t.feather"), compression="zstd")
    whole = (tmp_path / "t.feather").read_bytes()
    for content in (whole[:-30], whole[:40], stream()[:-60], stream()[:10], b"a,b\n1,2\n", b"FEA1" + bytes(20)):
        name = write(tmp_path, "u.feather", content)
        assert refusal(name) == f"{name} is not a Feather or Arrow file, or an incomplete one; write it again"
