"""Settings of object storages from the environment are used, or refused in one line before any request."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from fasttrack.errors import StoreError
from fasttrack.object_storage import azure_account, google_storage, s3_endpoint, storage_identity
from fasttrack.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NO_ENDPOINTS = [
    "http://127.0.0.1:abc",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:0",
    "http://300.1.1.1:1",
    "http://my host:9000",
    "http://[::1",
    "http://[no]:1",
    "http://a\nb:9000",
    "http://host:1/a b",
    "http://host<1>",
    "http://user:geheim@host",
    "http://host?sig=geheim",
    "ftp://host",
    "http://",
]
KEY = "Z2VoZWlt"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path))
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("url", NO_ENDPOINTS)
@pytest.mark.parametrize(
    ("variable", "location"),
    [
        ("AWS_ENDPOINT_URL", "s3://b/p"),
        ("STORAGE_EMULATOR_HOST", "gs://b/p"),
        ("GOOGLE_BASE_URL", "gs://b/p"),
        ("AZURE_STORAGE_BLOB_ENDPOINT", "az://b/p"),
        ("AZURITE_BLOB_STORAGE_URL", "az://b/p"),
    ],
)
def test_an_invalid_endpoint_is_reported(
    url: str, variable: str, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "me")
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    monkeypatch.setenv(variable, url)
    with pytest.raises(StoreError) as caught:
        open_store(location).names()
    assert str(caught.value).endswith(
        f"{variable} is not an endpoint; write http://HOST:PORT or https://HOST, without keys in it"
    )


def test_white_space_around_a_value_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", " http://127.0.0.1:9000/\n")
    endpoint = s3_endpoint()
    assert endpoint is not None
    assert (endpoint.url, endpoint.authority) == ("http://127.0.0.1:9000", "127.0.0.1:9000")
    monkeypatch.setenv("AWS_ENDPOINT_URL", " \n")
    assert s3_endpoint() is None
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "[::1]:4443\n")
    assert storage_identity("gs://b") == "http://[::1]:4443"
    assert google_storage().anonymous
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "me\n")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=2\n")
    assert (azure_account().name, azure_account().token) == ("me", "sv=1&sig=2")


@pytest.fixture
def refusing_server() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server that refuses everything, and the requests it got: paths and credentials."""
    requests: list[tuple[str, str | None]] = []

    class Deaf(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers.get("authorization")))
            self.send_response(403)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named so by its parent
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Deaf) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "leftover",
    [
        {"AZURE_STORAGE_ACCOUNT_KEY": KEY},
        {"AZURE_CLIENT_ID": "i", "AZURE_CLIENT_SECRET": "s", "AZURE_TENANT_ID": "t"},
    ],
    ids=["key", "identity"],
)
def test_a_store_asks_with_the_token_of_its_connection_string(
    leftover: dict[str, str], refusing_server: tuple[str, list[tuple[str, str | None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = refusing_server
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING", f"BlobEndpoint={url}/me;SharedAccessSignature=sv=2022-11-02&sig=abc%3D"
    )
    for name, value in leftover.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match="access is denied"):
        open_store("az://container/models").names()
    ((path, authorization),) = set(requests)
    assert "sig=abc%3D" in path
    assert authorization is None
