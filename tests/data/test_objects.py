"""Files in a real object store: objects, folders, patterns and partitions, and what is told when it refuses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import Source, read_table, scan_table
from fasttrack.errors import DataError
from tests.data.files import refusal, types
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.object_store import ObjectStore

pytestmark = pytest.mark.usefixtures("s3")


def parquet(table: pa.Table, rows: int | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=rows)
    return bytes(sink.getvalue())


@pytest.fixture(scope="module")
def sales(object_store: ObjectStore, bucket: str) -> str:
    """The address of a folder with two years and three files."""
    client = object_store.client()
    for name, first in (("year=2023/a", 0), ("year=2024/a", 1000), ("year=2024/b", 2000)):
        table = pa.table({"id": range(first, first + 1000), "word": [f"w{i % 7}" for i in range(1000)]})
        client.put_object(Bucket=bucket, Key=f"sales/{name}.parquet", Body=parquet(table, 100))
    client.put_object(Bucket=bucket, Key="sales/_SUCCESS", Body=b"")
    client.put_object(Bucket=bucket, Key="one.csv", Body=b"a,b\n1,x\n2,y\n")
    client.put_object(Bucket=bucket, Key="text/a.csv", Body=b"a,b\n1,x\n")
    client.put_object(Bucket=bucket, Key="text/b.csv", Body=b"a,b\n1.5,y\n")
    client.put_object(Bucket=bucket, Key="mixed/a.parquet", Body=parquet(pa.table({"a": [1]})))
    client.put_object(Bucket=bucket, Key="mixed/b.parquet", Body=parquet(pa.table({"a": ["x"]})))
    client.put_object(Bucket=bucket, Key="torn.parquet", Body=parquet(pa.table({"a": [1]}))[:-20])
    client.put_object(Bucket=bucket, Key="with space/ä%20.csv", Body=b"a\n1\n")
    return f"s3://{bucket}/sales"


def test_an_object_a_folder_and_a_pattern_are_one_table(sales: str, bucket: str) -> None:
    whole = read_table(sales)
    assert types(whole) == {"id": "int64", "word": "string", "year": "int64"}
    assert whole.column("id").to_pylist() == list(range(3000))
    assert whole.column("year").to_pylist() == [2023] * 1000 + [2024] * 2000
    for pattern in ("year=*/*.parquet", "**/*.parquet", "year=202[34]/?.parquet"):
        assert read_table(f"{sales}/{pattern}").equals(whole)
    assert read_table(f"{sales}/*/b.parquet").num_rows == 1000
    assert read_table(f"s3://{bucket}/one.csv").to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert read_table(f"s3://{bucket}/text/").to_pydict() == {"a": [1.0, 1.5], "b": ["x", "y"]}
    assert read_table(f"s3://{bucket}/with space/ä%20.csv").num_rows == 1


def test_columns_batches_and_samples_are_as_of_local_files(sales: str) -> None:
    assert read_table(sales, columns=["year"]).to_pydict() == {"year": [2023] * 1000 + [2024] * 2000}
    scan = scan_table(sales, columns=["id"])
    assert scan.columns == {"id": pa.int64()}
    assert [cell for batch in scan.batches() for cell in batch.column("id").to_pylist()] == list(range(3000))
    some = read_table(sales, rows=90)
    assert some.num_rows == 90
    assert set(some.column("year").to_pylist()) == {2023, 2024}
    assert some.equals(read_table(sales, rows=90))


def test_each_refusal_is_one_clear_line(sales: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "s3://no-such-bucket/t.csv": "s3://no-such-bucket/t.csv: there is no bucket no-such-bucket; check its name, "
        "the endpoint and the region",
        "s3://no-such-bucket/*.csv": "s3://no-such-bucket/*.csv: there is no bucket no-such-bucket; check its name, "
        "the endpoint and the region",
        f"s3://{bucket}/no/*.csv": f"no object matches s3://{bucket}/no/*.csv; check the bucket and the pattern",
        f"s3://{bucket}/no.csv": f"s3://{bucket}/no.csv does not exist; check the name below the bucket",
        f"s3://{bucket}/*.tsv": f"no object matches s3://{bucket}/*.tsv; check the bucket and the pattern",
        f"s3://{bucket}/mixed": f"'a' is int64 in s3://{bucket}/mixed/a.parquet but string in "
        f"s3://{bucket}/mixed/b.parquet; make them agree, or set the column's kind to category to read all as text",
        f"s3://{bucket}/torn.parquet": f"s3://{bucket}/torn.parquet is no Parquet file, or not a whole one; write it "
        "again",
        f"s3://{bucket}": f"s3://{bucket} mixes .csv, .parquet files; name those of one format by a pattern",
        f"s3://key:s3cr3t@{bucket}/one.csv": f"s3://key:***@{bucket}/one.csv: keys have no place in an address; set "
        "them in the environment",
        f"s3://key:12/s3cr3t@{bucket}/one.csv": f"s3://key:***@{bucket}/one.csv: keys have no place in an address; "
        "set them in the environment",
    }
    assert {source: refusal(source) for source in told} == told
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "wr0ng")
            for source in (sales, f"s3://{bucket}/one.csv", f"s3://{bucket}/*.csv"):
                message = refusal(source)
                assert message == (
                    f"{source} cannot be read: the store denies access; "
                    "check the keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and what they may read"
                )


def test_a_dead_endpoint_is_told_soon(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    before = time.monotonic()
    assert refusal(f"s3://{bucket}/one.csv") == (
        f"s3://{bucket}/one.csv cannot be read: Failed to connect to 127.0.0.1 port {port}; "
        "check the endpoint (AWS_ENDPOINT_URL) and the network"
    )
    assert time.monotonic() - before < 10


def test_the_endpoint_may_be_that_of_s3_alone(
    sales: str, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", object_store.endpoint)
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert Source(sales).names == ["id", "word", "year"]


def test_a_store_that_dies_while_it_is_read_is_told(sales: str, object_store: ObjectStore) -> None:
    batches = scan_table(sales).batches()
    next(batches)
    object_store.kill()
    try:
        with pytest.raises(DataError, match=r"s3://.*\.parquet cannot be read: .*; check the endpoint") as caught:
            list(batches)
        assert len(str(caught.value).splitlines()) == 1
    finally:
        object_store.start()
    assert sum(batch.num_rows for batch in scan_table(sales).batches()) == 3000


def test_what_is_written_by_arrow_itself_is_read(object_store: ObjectStore, bucket: str, tmp_path: Path) -> None:
    table = pa.table({"id": range(100), "country": ["de", "fr"] * 50})
    pq.write_to_dataset(table, tmp_path / "set", partition_cols=["country"])
    for path in (tmp_path / "set").rglob("*.parquet"):
        key = f"arrow/{path.relative_to(tmp_path / 'set').as_posix()}"
        object_store.client().put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    read = read_table(f"s3://{bucket}/arrow")
    assert sorted(read.column("id").to_pylist()) == list(range(100))
    assert set(read.column("country").to_pylist()) == {"de", "fr"}
