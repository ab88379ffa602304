"""A real object store with the S3 protocol (SeaweedFS): started once a session, a fresh bucket for each module."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ObjectStore", "bucket", "object_store", "s3"]


class ObjectStore:
    """A server of its own, with its data in a new folder, which `close` removes. `kill` and `start` keep the data."""

    access_key = "testkey12345"
    secret_key = "testsecret12345"  # of a server that only this test reaches
    region = "us-east-1"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="objects-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._start_on_free_ports()

    @property
    def endpoint(self) -> str:
        """Where it listens, as AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client of any kind needs to reach it: boto3, pyarrow, obstore, MLflow, this product."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,  # the one that boto3 reads
            "AWS_ALLOW_HTTP": "true",  # what obstore asks for before it talks to a server without TLS
            "AWS_EC2_METADATA_DISABLED": "true",  # no search for a machine's own keys when these are refused
        }

    def client(self) -> Any:
        """A boto3 client."""
        import boto3  # here: every session of tests loads this module
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 2}),
        )

    def files(self) -> Any:
        """The buckets as a file system."""
        from pyarrow import fs  # here: every session of tests loads this module

        return fs.S3FileSystem(
            access_key=self.access_key,
            secret_key=self.secret_key,
            region=self.region,
            endpoint_override=self.endpoint.partition("://")[2],
            scheme="http",
        )

    def new_bucket(self) -> str:
        """The name of a bucket that was just made."""
        name = f"b{uuid.uuid4().hex[:16]}"
        self.client().create_bucket(Bucket=name)
        return name

    def start(self) -> None:
        """Start it again, on the same ports and data, and wait until it takes and gives."""
        ports = [f"-{part}={port}" for part, port in self._ports.items()]
        command: list[str | Path] = [Path(sys.executable).parent / "weed", "mini", f"-dir={self._folder / 'data'}"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={self._folder / 's3.json'}", *ports]
        command += ["-master.telemetry=false", "-admin.ui=false", "-webdav=false", "-s3.autoCreateBucket=false"]
        command += ["-master.electionTimeout=1s"]  # 10 s make a start after a crash take 7
        command += [f"-{part}.localSocket={self._folder / part}.sock" for part in ("filer", "s3")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3_"))}
        environment["TMPDIR"] = str(self._folder)  # for its sockets
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, env=environment)
        self._wait()

    def kill(self) -> None:
        """Stop it at once, as a crash would; the data stays."""
        self._stop(signal.SIGKILL)

    def close(self) -> None:
        """Stop it, and remove what it kept."""
        self._stop(signal.SIGKILL)  # nothing is kept: a kind farewell takes seconds
        shutil.rmtree(self._folder)

    def _start_on_free_ports(self) -> None:
        identity = {
            "name": "tester",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        self._made = False
        (self._folder / "data").mkdir()
        (self._folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        parts = ("master.port", "volume.port", "filer.port", "s3.port")
        self._ports = {part: free_port() for part in parts}
        self._ports |= {f"{part}.grpc": free_port() for part in parts}
        self._ports |= {"s3.port.iceberg": 0, "s3.port.lance": 0}
        self.port = self._ports["s3.port"]
        self.start()

    def _wait(self) -> None:
        """HTTP answers before the first object can be written."""
        from botocore.exceptions import BotoCoreError, ClientError

        deadline = time.monotonic() + 60
        client = self.client()
        while True:
            assert self._process is not None
            ended = self._process.poll()
            try:
                if not self._made:
                    client.create_bucket(Bucket="ready")
                    self._made = True
                client.put_object(Bucket="ready", Key="ready", Body=b"yes")
                if client.get_object(Bucket="ready", Key="ready")["Body"].read() == b"yes":
                    return
            except (BotoCoreError, ClientError):
                pass
            if ended is not None or time.monotonic() > deadline:
                pytest.fail(f"the object store does not run:\n{(self._folder / 'log').read_text()[-4000:]}")
            time.sleep(0.05)

    def _stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """The server, for all modules of the session."""
    server = ObjectStore()
    yield server
    server.close()


@pytest.fixture(scope="module")
def bucket(object_store: ObjectStore) -> str:
    """A bucket that only this module uses."""
    return object_store.new_bucket()


@pytest.fixture
def s3(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The server, with the environment set so that clients find it."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store
