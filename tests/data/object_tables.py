"""Tables in any object storage, and checks of how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fasttrack.data import read_table, scan_table
from tests.data.files import refusal, types

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_columns_and_samples", "check_reading", "check_refusals", "parquet", "put_tables"]


def parquet(table: pa.Table, rows: int | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=rows)
    return bytes(sink.getvalue())


def put_tables(files: Any, bucket: str) -> None:
    """Write a folder `sales` with two years and three files, and other objects beside it."""
    objects = {
        "sales/_SUCCESS": b"",
        "one.csv": b"a,b\n1,x\n2,y\n",
        "one.jsonl": b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
        "text/a.csv": b"a,b\n1,x\n",
        "text/b.csv": b"a,b\n1.5,y\n",
        "mixed/a.parquet": parquet(pa.table({"a": [1]})),
        "mixed/b.parquet": parquet(pa.table({"a": ["x"]})),
        "torn.parquet": parquet(pa.table({"a": [1]}))[:-20],
        "with space/ä%20.csv": b"a\n1\n",
    }
    for name, first in (("year=2023/a", 0), ("year=2024/a", 1000), ("year=2024/b", 2000)):
        table = pa.table({"id": range(first, first + 1000), "word": [f"w{i % 7}" for i in range(1000)]})
        objects[f"sales/{name}.parquet"] = parquet(table, 100)
    for key, content in objects.items():
        with files.open_output_stream(f"{bucket}/{key}") as stream:
            stream.write(content)


def check_reading(root: str) -> None:
    """Objects, folders and patterns below a URL are read as the tables that were written."""
    whole = read_table(f"{root}/sales")
    assert types(whole) == {"id": "int64", "word": "string", "year": "int64"}
    assert whole.column("id").to_pylist() == list(range(3000))
    assert whole.column("year").to_pylist() == [2023] * 1000 + [2024] * 2000
    for pattern in ("sales/year=*/*.parquet", "sales/**/*.parquet", "sales/year=202[34]/?.parquet"):
        assert read_table(f"{root}/{pattern}").equals(whole)
    assert read_table(f"{root}/sales/*/b.parquet").num_rows == 1000
    assert read_table(f"{root}/sales/year=2024/b.parquet").column("id").to_pylist() == list(range(2000, 3000))
    for file in ("one.csv", "one.jsonl"):
        assert read_table(f"{root}/{file}").to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert read_table(f"{root}/text/").to_pydict() == {"a": [1.0, 1.5], "b": ["x", "y"]}
    assert read_table(f"{root}/with space/ä%20.csv").num_rows == 1


def check_columns_and_samples(root: str) -> None:
    """Selected columns, batches and samples are those of local files."""
    sales = f"{root}/sales"
    assert read_table(sales, columns=["year"]).to_pydict() == {"year": [2023] * 1000 + [2024] * 2000}
    scan = scan_table(sales, columns=["id"])
    assert scan.columns == {"id": pa.int64()}
    assert [cell for batch in scan.batches() for cell in batch.column("id").to_pylist()] == list(range(3000))
    subset = read_table(sales, rows=90)
    assert subset.num_rows == 90
    assert set(subset.column("year").to_pylist()) == {2023, 2024}
    assert subset.equals(read_table(sales, rows=90))


def check_refusals(root: str, missing: str, bucket: str, advice: str) -> None:
    """What does not exist or cannot be read is reported in one line. `missing`: a bucket that does not."""
    messages = {
        **{
            f"{missing}/{what}": f"{missing}/{what}: there is no {bucket} no-such-{bucket}; check {advice}"
            for what in ("t.csv", "*.csv", "folder/**/*.csv")
        },
        f"{root}/no.csv": f"{root}/no.csv does not exist; check the name in the {bucket}",
        f"{root}/*.tsv": f"no object matches {root}/*.tsv; check the {bucket} and the pattern",
        f"{root}/no/*.csv": f"no object matches {root}/no/*.csv; check the {bucket} and the pattern",
        f"{root}/mixed": f"'a' is int64 in {root}/mixed/a.parquet but string in {root}/mixed/b.parquet; give it "
        "one type, or set the column's kind to category to read all as text",
        f"{root}/torn.parquet": f"{root}/torn.parquet is not a Parquet file, or an incomplete one; write it again",
    }
    check_messages(messages)


def check_messages(messages: Mapping[str, str]) -> None:
    assert {source: refusal(source) for source in messages} == dict(messages)
