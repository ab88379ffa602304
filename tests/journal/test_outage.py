"""A server under load whose database is down for a while: no request waits for it, and every row is counted.

`OUTAGE_SECONDS=60 python -m pytest tests/journal/test_outage.py -s` stops it for a minute and prints what was seen.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from fasttrack.journal.predictions import prediction_id
from tests.integration.real import free_port, poll, process, require
from tests.journal.test_writer import Kept
from tests.servers.postgres import Postgres
from tests.serving import models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journal.places import Opened

FASTTRACK = Path(sys.executable).parent / "fasttrack"
OUTAGE_S = float(os.environ.get("OUTAGE_SECONDS", "3"))
COUNTED = ("predictions_total", "journal_stored_rows_total", "journal_dropped_rows_total", "journal_backlog_rows")


def counted(client: httpx.Client) -> dict[str, float]:
    """Predictions by outcome, as the metrics count them."""
    found = dict.fromkeys(COUNTED, 0.0)
    for line in client.get("/metrics").text.splitlines():
        name = line.partition("{")[0].partition(" ")[0].removeprefix("fasttrack_")
        if name in found:
            found[name] += float(line.rpartition(" ")[2])
    return found


class Caller(threading.Thread):
    """Asks one row after the other; `took` holds when each was asked and how long its answer took, seconds."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.over = threading.Event()
        self.took: list[tuple[float, float]] = []
        self.ids: list[str] = []
        self.failed: list[int] = []

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            while not self.over.wait(0.005):
                began = time.perf_counter()
                reply = client.post("/predict", json={"x": 1})
                self.took.append((began, time.perf_counter() - began))
                if reply.status_code != 200:
                    self.failed.append(reply.status_code)
                elif "id" in reply.json():
                    self.ids.append(reply.json()["id"])


@pytest.mark.system
def test_a_database_that_stops_under_load_costs_nothing_but_what_does_not_fit(tmp_path: Path, opened: Opened) -> None:
    models.line(tmp_path / "store")
    database = Postgres()
    port = free_port()
    command = (FASTTRACK, "serve", "--store", tmp_path / "store", "--port", str(port), "--journal", database.url)
    url = f"http://127.0.0.1:{port}"
    batch = {"columns": {"x": list(range(20_000))}}
    with process(command, tmp_path / "log"), httpx.Client(base_url=url, timeout=60) as client:
        poll(lambda: client.get("/health/ready").status_code == 200, what="the API is ready")
        caller = Caller(url)
        caller.start()

        def send(batches: int, seconds: float) -> list[int]:
            """How many ids each reply had; sent evenly over a time."""
            found = []
            for _ in range(batches):
                reply = client.post("/predict", json=batch)
                assert reply.status_code == 200
                found.append(len(reply.json().get("ids", [])))
                time.sleep(seconds / batches)
            return found

        before = time.perf_counter()
        ids = sum(send(2, OUTAGE_S))
        stopped = time.perf_counter()
        database.stop()
        taken = send(12, OUTAGE_S)  # 240,000 rows, of which 200,000 may wait
        started = time.perf_counter()
        database.start()
        ids += sum(taken) + sum(send(2, 1))
        caller.over.set()
        caller.join()
        poll(lambda: counted(client)["journal_backlog_rows"] == 0, what="the backlog is written", within_s=60)
        told = counted(client)
    assert not caller.failed
    assert 0 in taken
    assert taken[0] == 20_000
    assert told["journal_dropped_rows_total"] >= 240_000 - 200_000
    assert told["predictions_total"] == told["journal_stored_rows_total"] + told["journal_dropped_rows_total"]
    spans = opened(database.url).spans()
    assert sum(span.rows for span in spans) == told["journal_stored_rows_total"] == ids + len(caller.ids)
    written = {
        prediction_id(chunk.process, chunk.start + row)
        for chunk in opened(database.url).chunks(0)
        for row in range(chunk.rows)
    }
    assert set(caller.ids) <= written, "what was accepted has arrived"
    calm = np.array([took for at, took in caller.took if before <= at < stopped])
    down = np.array([took for at, took in caller.took if stopped <= at < started])
    middle, last = (np.quantile(times, [0.5, 0.99]) for times in (calm, down))
    print(  # noqa: T201  # figures for the documents
        f"{len(calm)} single rows before, {len(down)} in {started - stopped:.0f} s without a database: median "
        f"{middle[0] * 1e3:.2f} and {last[0] * 1e3:.2f} ms, 99 % within {middle[1] * 1e3:.1f} and "
        f"{last[1] * 1e3:.1f} ms, longest {calm.max() * 1e3:.0f} and {down.max() * 1e3:.0f} ms; {told}"
    )
    # waiting for a connection would take seconds; what is left is noise
    assert last[0] < 3 * middle[0] + 0.01
    assert down.max() < max(1.0, 3 * calm.max())
    database.close()


def test_a_file_that_another_program_locks_is_written_when_it_lets_go(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path / "journal"))
    kept.journal.start()
    recorder = kept.recorder()
    kept.predict(recorder, 0.0)
    poll(lambda: kept.numbers["stored"] == 1, what="the first is written")
    other = sqlite3.connect(tmp_path / "journal", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    slowest = 0.0
    for x in range(1, 200):
        began = time.perf_counter()
        assert kept.predict(recorder, float(x)) is not None
        slowest = max(slowest, time.perf_counter() - began)
        time.sleep(0.005)
    assert kept.numbers == {"backlog": 199, "stored": 1, "dropped": 0}
    other.execute("ROLLBACK")
    other.close()
    poll(lambda: kept.numbers["stored"] == 200, what="the rest is written")
    kept.journal.stop()
    assert sorted(x for x, _ in kept.written().values()) == list(range(200))
    assert slowest < 0.5


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    require("mount", "umount")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.system
def test_a_full_disk_keeps_predictions_waiting_until_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        kept = Kept(str(disk / "journal"))
        kept.journal.start()
        recorder = kept.recorder()
        kept.predict(recorder, 0.0)
        poll(lambda: kept.numbers["stored"] == 1, what="the first is written")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as out, pytest.raises(OSError, match="No space left"):
            while True:
                out.write(b"x" * 1024)
        for start in range(1, 2_001, 100):
            assert kept.predict(recorder, *(np.arange(start, start + 100) / 7).tolist()) is not None
        poll(lambda: "full" in caplog.text, what="the disk is found full")
        assert kept.numbers["dropped"] == 0
        filler.unlink()
        poll(lambda: kept.numbers["stored"] == 2_001, what="the rest is written")
        kept.journal.stop()
        assert len(kept.written()) == 2_001
    told = [record.message for record in caplog.records if record.name == "fasttrack"]
    assert sum("database or disk is full" in one for one in told) == 1
