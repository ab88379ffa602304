"""Tables in Google Cloud Storage, read from a real emulator: objects, folders, patterns, and error messages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fasttrack.data import Source, read_table, scan_table
from fasttrack.errors import DataError
from tests.data.files import refusal
from tests.data.object_tables import check_columns_and_samples, check_reading, check_refusals, put_tables
from tests.servers.google_store import GoogleStore
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("google")


@pytest.fixture(scope="module")
def root(google_store: GoogleStore, google_bucket: str) -> str:
    """The address of a bucket with tables."""
    put_tables(google_store.client(), google_bucket)
    return f"gs://{google_bucket}"


@pytest.fixture
def doomed(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStore]:
    """A server that a test may stop."""
    server = GoogleStore()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
    yield server
    server.close()


def test_an_object_a_folder_and_a_pattern_are_one_table(root: str) -> None:
    check_reading(root)
    assert read_table(root.replace("gs://", "gcs://") + "/one.csv").num_rows == 2


def test_columns_batches_and_samples_are_those_of_local_files(root: str) -> None:
    check_columns_and_samples(root)


def test_each_refusal_is_one_clear_line(root: str) -> None:
    check_refusals(root, "gs://no-such-bucket", "bucket", "its name and the endpoint")
    key = root.replace("gs://", "gs://key:s3cr3t@")
    assert refusal(f"{key}/one.csv") == (
        f"{root.replace('gs://', 'gs://key:***@')}/one.csv: an address must not contain keys; "
        "set them in the environment"
    )


@pytest.mark.parametrize(
    ("variable", "form"),
    [
        ("STORAGE_EMULATOR_HOST", "127.0.0.1:{port}"),
        ("STORAGE_EMULATOR_HOST", "http://127.0.0.1:{port}/"),
        ("CLOUD_STORAGE_EMULATOR_ENDPOINT", "http://127.0.0.1:{port}"),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "http://127.0.0.1:{port}/storage/v1/"),
        ("GOOGLE_BASE_URL", "http://127.0.0.1:{port}"),
    ],
)
def test_the_endpoint_is_set_as_for_google_s_tools(
    root: str, google_store: GoogleStore, variable: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv(variable, form.format(port=google_store.port))
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert Source(f"{root}/sales").names == ["id", "word", "year"]


def test_an_endpoint_that_is_invalid_is_reported(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for endpoint in ("ftp://127.0.0.1", "http://", "http://me:s3cr3t@127.0.0.1", "http://127.0.0.1?key=s3cr3t"):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
        assert refusal(f"{root}/one.csv") == (
            f"{root}/one.csv cannot be read: STORAGE_EMULATOR_HOST is not an endpoint; "
            "write http://HOST:PORT or https://HOST, without keys in it"
        )


def test_a_dead_endpoint_is_reported_soon(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{port}")
    before = time.monotonic()
    assert refusal(f"{root}/one.csv") == (
        f"{root}/one.csv cannot be read: http://127.0.0.1:{port} refused the connection; "
        "check the endpoint (STORAGE_EMULATOR_HOST) and the network"
    )
    assert time.monotonic() - before < 5


def test_a_storage_that_dies_while_it_is_read_is_reported(doomed: GoogleStore) -> None:
    bucket = doomed.new_bucket()
    put_tables(doomed.client(), bucket)
    batches = scan_table(f"gs://{bucket}/sales").batches()
    next(batches)
    doomed.stop()
    before = time.monotonic()
    with pytest.raises(DataError) as caught:
        list(batches)
    assert str(caught.value) == (
        f"gs://{bucket}/sales/year=2023/a.parquet cannot be read: Could not connect to server; "
        "check the endpoint (STORAGE_EMULATOR_HOST) and the network"
    )
    assert time.monotonic() - before < 60
