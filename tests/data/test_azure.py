"""Tables in Azure's storage, read from a real emulator: blobs, folders, patterns, and error messages."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from fasttrack.data import Source, read_table, scan_table
from fasttrack.errors import DataError
from tests.data.files import refusal
from tests.data.object_tables import check_columns_and_samples, check_reading, check_refusals, put_tables
from tests.servers.azure_store import AzureStore
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("azure")]


@pytest.fixture(scope="module")
def root(azure_store: AzureStore, container: str) -> str:
    """The address of a container with tables."""
    put_tables(azure_store.client(), container)
    return f"abfs://{container}"


@pytest.fixture
def doomed(azure: AzureStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureStore]:
    """A server that a test may stop."""
    server = AzureStore()
    monkeypatch.setenv("AZURE_STORAGE_BLOB_ENDPOINT", server.endpoint)
    yield server
    server.close()


def test_an_object_a_folder_and_a_pattern_are_one_table(root: str, azure: AzureStore) -> None:
    check_reading(root)
    for scheme in ("abfss", "az"):
        assert read_table(f"{scheme}://{root.removeprefix('abfs://')}/one.csv").num_rows == 2
    assert read_table(f"{root}@{azure.account}.dfs.core.windows.net/one.csv").num_rows == 2


def test_columns_batches_and_samples_are_those_of_local_files(root: str) -> None:
    check_columns_and_samples(root)


def test_each_refusal_is_one_clear_line(root: str) -> None:
    missing = "abfs://no-such-container"
    check_refusals(root, missing, "container", "its name, the account and the endpoint")


def test_keys_that_are_wrong_are_reported_and_not_repeated(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = base64.b64encode(b"a key of another account").decode()
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", wrong)
    for source in (root, f"{root}/one.csv", f"{root}/*.csv"):
        assert refusal(source) == (
            f"{source} cannot be read: the storage denies access; check the keys "
            "(AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY) and what they may read"
        )
    for half in ("s3cr3t!", wrong[:-3]):
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", half)
        assert refusal(f"{root}/one.csv") == (
            f"{root}/one.csv cannot be read: the key of the account tester is incomplete; "
            "copy it again into AZURE_STORAGE_ACCOUNT_KEY"
        )


def test_a_token_is_enough(root: str, azure: AzureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", azure.token("rl"))
    assert read_table(f"{root}/sales").num_rows == 3000
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "?" + azure.token("rl"))  # as Azure's portal shows it
    assert read_table(f"{root}/one.csv").num_rows == 2
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", azure.token("w"))
    message = refusal(f"{root}/one.csv")
    assert "the storage denies access; check the keys" in message
    assert "sig=" not in message


def test_the_account_and_the_endpoint_are_set_as_for_azure_s_tools(
    root: str, azure: AzureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = f"AccountName={azure.account};AccountKey={azure.key};BlobEndpoint={azure.endpoint}"
    token = f"BlobEndpoint={azure.endpoint};SharedAccessSignature={azure.token('rl')}"
    whole = {"ACCOUNT": azure.account, "KEY": azure.key}
    for variables in (
        {**whole, "BLOB_ENDPOINT": azure.endpoint},
        {**whole, "SERVICE_ENDPOINT": azure.endpoint + "/"},
        {**whole, "ENDPOINT": azure.endpoint},
        {**whole, "USE_EMULATOR": "true"},
        {"CONNECTION_STRING": connection},
        {"CONNECTION_STRING": token},
    ):
        with monkeypatch.context() as patch:
            for name in azure.environment:
                patch.delenv(name)
            patch.setenv("AZURITE_BLOB_STORAGE_URL", azure.endpoint.removesuffix(f"/{azure.account}"))
            for name, value in variables.items():
                patch.setenv(f"AZURE_STORAGE_{name}", value)
            assert Source(f"{root}/sales").names == ["id", "word", "year"], variables


def test_the_emulator_s_own_account_needs_no_key(azure: AzureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in azure.environment:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", f"http://127.0.0.1:{azure.port}")
    assert "there is no container no-such-container" in refusal("abfs://no-such-container/t.csv")


def test_invalid_settings_are_reported(root: str, azure: AzureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def setting_error(**variables: str) -> str:
        with monkeypatch.context() as patch:
            for name in azure.environment:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(f"AZURE_STORAGE_{name}", value)
            message = refusal(f"{root}/one.csv")
            assert "s3cr3t" not in message
            return message.removeprefix(f"{root}/one.csv cannot be read: ")

    assert setting_error() == "the account is not known; set AZURE_STORAGE_ACCOUNT_NAME"
    assert setting_error(CONNECTION_STRING="AccountKey=s3cr3t") == (
        "AZURE_STORAGE_CONNECTION_STRING names no account; copy it again, with AccountName="
    )
    assert setting_error(CONNECTION_STRING="AccountName=me;AccountKey=s3cr3t") == (
        "the key of the account me is incomplete; copy it again into AZURE_STORAGE_CONNECTION_STRING"
    )
    assert setting_error(ACCOUNT="me", BLOB_ENDPOINT="http://127.0.0.1:1?sig=s3cr3t") == (
        "AZURE_STORAGE_BLOB_ENDPOINT is not an endpoint; write http://HOST:PORT or https://HOST, without keys in it"
    )
    assert setting_error(ACCOUNT="me", BLOB_ENDPOINT="http://127.0.0.1:1/you") == (
        "AZURE_STORAGE_BLOB_ENDPOINT does not name the account me; write https://me.HOST, or http://HOST:PORT/me"
    )
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"AccountName=me;AccountKey={azure.key}")
    assert refusal(f"{root}@you.dfs.core.windows.net/one.csv").endswith(
        "the address names the account you, but AZURE_STORAGE_CONNECTION_STRING is that of me; unset it"
    )


def test_a_dead_endpoint_is_reported_soon(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("AZURE_STORAGE_BLOB_ENDPOINT", f"http://127.0.0.1:{port}/{AzureStore.account}")
    before = time.monotonic()
    assert refusal(f"{root}/one.csv") == (
        f"{root}/one.csv cannot be read: http://127.0.0.1:{port} refused the connection; "
        "check the endpoint (AZURE_STORAGE_BLOB_ENDPOINT) and the network"
    )
    assert time.monotonic() - before < 5


def test_a_storage_that_dies_while_it_is_read_is_reported(doomed: AzureStore) -> None:
    container = doomed.new_container()
    put_tables(doomed.client(), container)
    batches = scan_table(f"abfs://{container}/sales").batches()
    next(batches)
    doomed.stop()
    before = time.monotonic()
    with pytest.raises(DataError) as caught:
        list(batches)
    assert str(caught.value) == (
        f"abfs://{container}/sales/year=2023/a.parquet cannot be read: Fail to get a new connection for: "
        f"http://127.0.0.1:{doomed.port}. Could not connect to server; "
        "check the endpoint (AZURE_STORAGE_BLOB_ENDPOINT) and the network"
    )
    assert time.monotonic() - before < 60
