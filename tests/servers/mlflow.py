"""A real MLflow server, started once a session, and a wire to it that can be cut."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["MlflowServer", "Wire", "mlflow_server", "wire"]

QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


class MlflowServer:
    """A server of its own. `backend` is its database, `artifacts` where files go; else both in a new folder."""

    def __init__(
        self, backend: str | None = None, artifacts: str | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mlflow-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command: list[str | Path] = [Path(sys.executable).parent / "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", backend or f"sqlite:///{self._folder}/mlflow.db"]
        command += ["--artifacts-destination", artifacts or str(self._folder / "artifacts")]
        bare = {name: text for name, text in os.environ.items() if not name.startswith(("MLFLOW_", "FASTTRACK_"))}
        with (self._folder / "log").open("wb") as log:
            # a group of its own: the server is several processes
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={**bare, **QUIET, **(env or {})},
                start_new_session=True,
            )

    def wait(self) -> MlflowServer:
        """Until it answers."""
        deadline = time.monotonic() + 180
        while True:
            with suppress(URLError, ConnectionError, TimeoutError), urlopen(f"{self.url}/health", timeout=5) as reply:
                if reply.status == 200:
                    return self
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"MLflow does not run:\n{(self._folder / 'log').read_text()[-4000:]}")
            time.sleep(0.1)

    def close(self) -> None:
        """Stop it, and remove what it kept."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)
        shutil.rmtree(self._folder)


class Wire:
    """A port that hands on to a server while it is up. `heard` is called with the number of each piece sent there."""

    def __init__(self, port: int) -> None:
        self._server = port
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.heard: Callable[[int], None] = lambda piece: None
        self.pieces = 0
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def up(self) -> None:
        """Take connections."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def cut(self) -> None:
        """Take none, and end those there are."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            self._open |= {caller, server}
            for source, target, counts in ((caller, server, True), (server, caller, False)):
                threading.Thread(target=self._hand_on, args=[source, target, counts], daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if counts:
                    self.pieces += 1
                    self.heard(self.pieces)
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
        self._open.discard(source)


@pytest.fixture(scope="session")
def mlflow_server() -> Iterator[MlflowServer]:
    """A server on SQLite, for all modules of the session."""
    server = MlflowServer()
    try:
        yield server.wait()
    finally:
        server.close()


@pytest.fixture
def wire(mlflow_server: MlflowServer) -> Iterator[Wire]:
    """A wire to it, up."""
    made = Wire(mlflow_server.port)
    made.up()
    yield made
    made.cut()
