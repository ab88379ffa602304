"""Several processes behind one port: they count together, whoever is killed, and each follows promotions."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.journal.places import wait_for
from tests.serving import models

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds

FASTTRACK = Path(sys.executable).parent / "fasttrack"
WORKERS = 4


@contextmanager
def workers(store: Path, log: Path) -> Iterator[tuple[int, int]]:
    """The port of a server with several workers, and its process."""
    command = [str(FASTTRACK), "serve", "--store", str(store), "--port", "0", "--workers", str(WORKERS)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while log.read_text().count("Application startup complete") < WORKERS:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        found = re.search(r"at http://localhost:(\d+)", log.read_text())
        assert found is not None
        yield int(found[1]), process.pid
    finally:
        process.terminate()
        assert process.wait(30) == 0


def children(pid: int) -> list[int]:
    """The workers of a server: those of its children that serve."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_text()
            except OSError:
                continue
            if parent == pid and "spawn_main" in command:
                found.append(int(folder.name))
    return sorted(found)


def metrics(port: int) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


class Caller(threading.Thread):
    """Asks again and again, on new connections now and then, and checks each answer."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        super().__init__()
        self._port, self._stop_asking = port, stop
        self.answered = self.broken = 0
        self.wrong: list[bytes] = []

    def run(self) -> None:
        x = 0
        while not self._stop_asking.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            try:
                for _ in range(50):
                    x += 1
                    connection.request("POST", "/predict", json.dumps({"x": x}).encode())
                    body = connection.getresponse().read()
                    self.answered += 1
                    if json.loads(body)["prediction"] != 2.0 * x + 1:
                        self.wrong.append(body)
            except (OSError, http.client.HTTPException):
                self.broken += 1
            finally:
                connection.close()


@pytest.mark.system
def test_counts_stay_exact_when_a_worker_is_killed(tmp_path: Path) -> None:
    version = models.line(tmp_path / "store").manifest.version
    with workers(tmp_path / "store", tmp_path / "log") as (port, server):
        before = children(server)
        assert len(before) == WORKERS
        stop = threading.Event()
        callers = [Caller(port, stop) for _ in range(8)]
        for caller in callers:
            caller.start()
        wait_for(lambda: sum(caller.answered for caller in callers) > 200, 60)
        os.kill(before[1], signal.SIGKILL)
        wait_for(lambda: len(children(server)) == WORKERS and before[1] not in children(server), 60)
        first = sum(caller.answered for caller in callers)
        wait_for(lambda: sum(caller.answered for caller in callers) > first + 200, 60)
        stop.set()
        for caller in callers:
            caller.join()
        assert not any(caller.wrong for caller in callers)
        answered, broken = (sum(getattr(caller, name) for caller in callers) for name in ("answered", "broken"))
        found = metrics(port)
        counted = found[f'fasttrack_predictions_total{{model="line",outcome="scored",version="{version}"}}']
        # a request that broke off may have been scored, and never answered
        assert answered <= counted <= answered + broken
        binned = sum(value for name, value in found.items() if name.startswith("fasttrack_feature_bin_total"))
        told = sum(value for name, value in found.items() if name.startswith("fasttrack_prediction_bin_total"))
        assert answered <= binned == told <= counted
        served = found['http_requests_total{handler="/predict",method="POST",status="200"}']
        assert answered <= served <= counted
        assert found["http_requests_inprogress"] == 1  # the one that asks; the killed worker's do not count


def test_a_promotion_reaches_every_worker(tmp_path: Path) -> None:
    store = tmp_path / "store"
    models.line(store)
    with workers(store, tmp_path / "log") as (port, _):
        version = models.line(store, slope=3.0).manifest.version
        deadline = time.monotonic() + 30
        for _ in range(20):  # new connections, so that each worker has its turn
            while True:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                connection.request("POST", "/predict", b'{"x": 5}')
                reply = json.loads(connection.getresponse().read())
                connection.close()
                if reply["model"] == f"line@{version}":
                    assert reply["prediction"] == 16.0
                    break
                assert reply["prediction"] == 11.0
                assert time.monotonic() < deadline
        found = metrics(port)
    assert sum(value for name, value in found.items() if name.startswith("fasttrack_model_info")) == 1
