"""Files on the web, from a real server: formats, credentials, and error messages."""

from __future__ import annotations

import base64
import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import Source, read_table, scan_table
from fasttrack.file_formats import format_endings
from tests.data.files import refusal
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CSV = b"a,b\n1,x\n2,y\n"


class Site(BaseHTTPRequestHandler):
    """A web site with tables, some of them behind a password or cut short."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(self.path)
        signed = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:s3cr3t").decode()
        match path:
            case "/guarded.csv" if not signed:
                self.send_error(401)
            case "/moved.csv":
                self.send_response(302)
                self.send_header("Location", "/t.csv")
                self.end_headers()
            case "/short.csv":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(CSV)
            case "/busy.csv":
                self.send_error(503)
            case "/download" | "/typed":
                self.send_response(200)
                if path == "/download":
                    self.send_header("Content-Disposition", 'attachment; filename="t.csv"')
                else:
                    self.send_header("Content-Type", "text/csv; charset=utf-8")
                self.send_header("Content-Length", str(len(CSV)))
                self.end_headers()
                self.wfile.write(CSV)
            case _ if path in self.files:
                self.send_response(200)
                self.send_header("Content-Length", str(len(self.files[path])))
                self.end_headers()
                self.wfile.write(self.files[path])
            case _:
                self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": range(1000), "b": ["x"] * 1000}), sink)
    Site.files = {
        "/t.csv": CSV,
        "/guarded.csv": CSV,
        "/t.csv.gz": gzip.compress(CSV),
        "/t.parquet": sink.getvalue().to_pybytes(),
        "/odd": CSV,
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_format_comes_from_the_address_or_from_the_server(site: str) -> None:
    expected = {"a": [1, 2], "b": ["x", "y"]}
    for name in ("t.csv", "t.csv?version=3", "t.csv.gz", "moved.csv", "download?id=3", "typed"):
        assert read_table(f"{site}/{name}").to_pydict() == expected, name
    assert read_table(f"{site}/t.parquet", columns=["a"], rows=10).shape == (10, 1)


def test_a_file_is_downloaded_once_and_deleted(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Site.asked.clear()
    source = Source(f"{site}/t.parquet")
    assert source.names == ["a", "b"]
    assert source.read().num_rows == 1000
    scan = source.scan()
    assert [sum(batch.num_rows for batch in scan.batches()) for _ in range(2)] == [1000, 1000]
    assert Site.asked == ["/t.parquet"]
    assert len(list(tmp_path.iterdir())) == 1
    del source, scan
    assert not list(tmp_path.iterdir())
    refusal(f"{site}/none.csv")
    assert not list(tmp_path.iterdir())


def test_a_password_is_sent_and_never_repeated(site: str) -> None:
    guarded = site.replace("://", "://me:s3cr3t@") + "/guarded.csv"
    assert read_table(guarded).num_rows == 2
    redacted = site.replace("://", "://me:***@") + "/guarded.csv"
    assert refusal(guarded, columns=["c"]) == f"{redacted} has no column 'c'; it has 'a', 'b'"
    assert refusal(guarded.replace("s3cr3t", "wr0ng")) == (
        f"{redacted} cannot be read: 401 Unauthorized; check the address, and who may read it"
    )


def test_each_refusal_is_one_clear_line_without_a_signature(site: str) -> None:
    port = free_port()
    known = f"use {', '.join(format_endings())}, also compressed"
    messages = {
        f"{site}/none.csv?sig=s3cr3t": f"{site}/none.csv?… cannot be read: 404 Not Found; check the address",
        f"{site}/busy.csv": f"{site}/busy.csv cannot be read: 503 Service Unavailable; check the address, and who may "
        "read it",
        f"{site}/short.csv": f"{site}/short.csv was cut short: 12 of 1,000 bytes arrived; try again",
        f"{site}/odd?sig=s3cr3t": f"{site}/odd?…: its ending is not that of a format that can be read; {known}",
        f"http://127.0.0.1:{port}/t.csv?sig=s3cr3t": f"http://127.0.0.1:{port}/t.csv?… cannot be read: Connection "
        "refused; check the address and the network",
        "https://nowhere.invalid/t.csv": "https://nowhere.invalid/t.csv cannot be read: Name or service not known; "
        "check the address and the network",
        f"{site}/a b.csv?sig=s3cr3t": f"{site}/a b.csv?… is not a web address; write spaces and other signs as %20",
        "http://me:s3 cr3t@[/t.csv": "http://me:***@[/t.csv is not a web address; write spaces and other signs as %20",
    }
    assert {source: refusal(source) for source in messages} == messages


def test_a_scan_of_a_web_file_has_the_types_of_the_table(site: str) -> None:
    scan = scan_table(f"{site}/t.csv")
    assert scan.columns == {"a": pa.int64(), "b": pa.string()}
    assert pa.concat_tables(scan.batches()).equals(read_table(f"{site}/t.csv"))
