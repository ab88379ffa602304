"""Tables in a real S3 storage: objects, folders, patterns, partitions, and error messages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import Source, read_table, scan_table
from fasttrack.errors import DataError
from tests.data.files import refusal
from tests.data.object_tables import check_columns_and_samples, check_reading, check_refusals, put_tables
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.object_store import ObjectStore

pytestmark = pytest.mark.usefixtures("s3")


@pytest.fixture(scope="module")
def root(object_store: ObjectStore, bucket: str) -> str:
    """The address of a bucket with tables."""
    put_tables(object_store.files(), bucket)
    return f"s3://{bucket}"


@pytest.fixture
def sales(root: str) -> str:
    """A folder with two years and three files."""
    return f"{root}/sales"


def test_an_object_a_folder_and_a_pattern_are_one_table(root: str) -> None:
    check_reading(root)


def test_columns_batches_and_samples_are_those_of_local_files(root: str) -> None:
    check_columns_and_samples(root)


def test_each_refusal_is_one_clear_line(root: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_refusals(root, "s3://no-such-bucket", "bucket", "its name, the endpoint and the region")
    hidden = f"s3://key:***@{bucket}/one.csv: an address must not contain keys; set them in the environment"
    messages = {
        root: f"{root} mixes .csv, .jsonl, .parquet files; name those of one format by a pattern",
        f"s3://key:s3cr3t@{bucket}/one.csv": hidden,
        f"s3://key:12/s3cr3t@{bucket}/one.csv": hidden,
    }
    assert {source: refusal(source) for source in messages} == messages
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "wr0ng")
            for source in (f"{root}/sales", f"{root}/one.csv", f"{root}/*.csv"):
                assert refusal(source) == (
                    f"{source} cannot be read: the storage denies access; "
                    "check the keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and what they may read"
                )


def test_a_dead_endpoint_is_reported_soon(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    before = time.monotonic()
    assert refusal(f"s3://{bucket}/one.csv") == (
        f"s3://{bucket}/one.csv cannot be read: Failed to connect to 127.0.0.1 port {port}; "
        "check the endpoint (AWS_ENDPOINT_URL) and the network"
    )
    assert time.monotonic() - before < 10


def test_the_endpoint_may_be_set_for_s3_alone(
    sales: str, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", object_store.endpoint)
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert Source(sales).names == ["id", "word", "year"]


def test_a_storage_that_dies_while_it_is_read_is_reported(sales: str, object_store: ObjectStore) -> None:
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


def test_what_arrow_writes_is_read(object_store: ObjectStore, bucket: str, tmp_path: Path) -> None:
    table = pa.table({"id": range(100), "country": ["de", "fr"] * 50})
    pq.write_to_dataset(table, tmp_path / "set", partition_cols=["country"])
    for path in (tmp_path / "set").rglob("*.parquet"):
        key = f"arrow/{path.relative_to(tmp_path / 'set').as_posix()}"
        object_store.client().put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    read = read_table(f"s3://{bucket}/arrow")
    assert sorted(read.column("id").to_pylist()) == list(range(100))
    assert set(read.column("country").to_pylist()) == {"de", "fr"}
