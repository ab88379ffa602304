"""The journal's queue and thread: bounded, no accepted prediction is lost, and all others are counted."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from fasttrack.contract.decode import Decoder
from fasttrack.contract.schema import Column, Contract, Target
from fasttrack.journal import Journal, JournalCounts, open_database
from fasttrack.journal.predictions import parse_id, prediction_id, unpack
from fasttrack.journal.recorder import Recorder
from tests.journal.places import contract, wait_for
from tests.servers.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttrack.journal import Database
    from tests.journal.places import Opened


def number() -> memoryview[float]:
    return memoryview(bytearray(8)).cast("d")


class Kept:
    """A journal, its counts, and a way to predict."""

    def __init__(self, location: str, **settings: Any) -> None:
        labels = {name: number() for name in ("matched", "unknown", "refused")}
        self.counts = JournalCounts(number(), number(), number(), labels)
        self.location = location
        self.journal = Journal(location, self.counts, **({"flush_seconds": 0.05} | settings))
        self._decoder = Decoder(contract(), max_rows=100_000)

    def recorder(self, version: str = "v1") -> Recorder:
        return self.journal.recorder("m", version, contract())

    def predict(self, recorder: Recorder, *xs: float, where: str = "here") -> list[str] | None:
        batch = self._decoder.rows(msgspec.json.encode([{"x": x, "where": where} for x in xs]))
        ids = recorder.record(batch, np.array(xs) * 2, None)
        return None if ids is None else ids.all()

    @property
    def numbers(self) -> dict[str, float]:
        return {name: getattr(self.counts, name)[0] for name in ("backlog", "stored", "dropped")}

    def written(self) -> dict[str, tuple[float, float]]:
        """x and prediction by id, from the database."""
        database = open_database(self.location)
        found: dict[str, tuple[float, float]] = {}
        for chunk in database.chunks(0):
            inside = unpack(chunk.content)
            for row in range(len(inside)):
                found[prediction_id(chunk.process, chunk.start + row)] = (inside.matrix[row, 0], inside.output[row])
        database.close()
        return found


def unpacked(database: Database) -> dict[float, str | None]:
    """x and the unseen word of each prediction."""
    found: dict[float, str | None] = {}
    for chunk in database.chunks(0):
        inside = unpack(chunk.content)
        for row in range(len(inside)):
            found[inside.matrix[row, 0]] = inside.words.get(1, {}).get(row)
    return found


@pytest.fixture
def kept(location: str) -> Iterator[Kept]:
    made = Kept(location)
    made.journal.start()
    yield made
    made.journal.stop()


def test_predictions_arrive_under_the_ids_that_were_given(kept: Kept, opened: Opened) -> None:
    recorder, other = kept.recorder(), kept.recorder("v2")
    given: dict[str, float] = {}
    for call in range(300):
        xs = [call + part / 10 for part in range(1 + call % 3)]
        ids = kept.predict(recorder if call % 50 < 25 else other, *xs)
        assert ids is not None
        given |= dict(zip(ids, xs, strict=True))
    kept.journal.stop()
    assert len(given) == sum(1 + call % 3 for call in range(300))
    assert kept.written() == {one: (x, 2 * x) for one, x in given.items()}
    assert kept.numbers == {"backlog": 0, "stored": len(given), "dropped": 0}
    versions = {(one.version, one.rows) for one in opened(kept.location).spans()}
    assert {version for version, _ in versions} == {"v1", "v2"}


def test_what_does_not_fit_into_the_queue_is_counted(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path / "journal"), most_rows=100)
    recorder = kept.recorder()
    given = [kept.predict(recorder, float(x)) for x in range(150)]
    assert kept.predict(recorder, *map(float, range(60))) is None
    assert [one is not None for one in given] == [True] * 100 + [False] * 50
    assert kept.numbers == {"backlog": 100, "stored": 0, "dropped": 110}
    kept.journal.start()
    kept.journal.stop()
    assert kept.numbers == {"backlog": 0, "stored": 100, "dropped": 110}
    assert len(kept.written()) == 100


def test_a_sample_is_even(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path / "journal"), sample=0.3)
    recorder = kept.recorder()
    taken = [kept.predict(recorder, float(x)) is not None for x in range(1000)]
    assert sum(taken) in (299, 300)
    assert all(2 <= sum(taken[start : start + 10]) <= 4 for start in range(0, 1000, 10))
    assert kept.numbers["dropped"] == 0


def test_a_sample_is_of_predictions_however_they_are_gathered(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path / "journal"), sample=0.5)
    recorder = kept.recorder()
    taken = 0
    for run in range(200):
        rows = (1, 99)[run % 2]
        taken += rows * (kept.predict(recorder, *[1.0] * rows) is not None)
    assert 4_900 <= taken <= 5_100


def test_what_is_accepted_while_a_stopping_server_waits_for_its_database_is_written(
    tmp_path: Path, opened: Opened
) -> None:
    location = str(tmp_path / "journal")
    kept = Kept(location, keep_days=1)
    database = opened(location)
    lock = sqlite3.connect(location)
    lock.execute("BEGIN IMMEDIATE")
    kept.journal.start()
    time.sleep(0.3)  # it sweeps first, and waits for the lock
    assert kept.predict(kept.recorder(), 1.0, 2.0, 3.0) is not None
    assert kept.journal.add_labels([("nobody0000", 1, "1", time.time())])
    stopping = threading.Thread(target=kept.journal.stop)
    stopping.start()
    time.sleep(0.2)
    lock.rollback()
    lock.close()
    stopping.join()
    assert kept.numbers == {"backlog": 0, "stored": 3, "dropped": 0}
    assert sum(span.rows for span in database.spans()) == 3
    assert database.labels() == 1


def test_what_a_stopping_server_cannot_write_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    kept = Kept(str(tmp_path / "file" / "journal"))
    kept.predict(kept.recorder(), 1.0, 2.0)
    kept.journal.start()
    kept.journal.stop()
    assert "2 predictions and 0 labels are lost: the journal " in caplog.messages[-1]


def test_words_that_wait_for_a_database_have_a_bound_too(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "file").write_text("no folder")
    kept = Kept(str(tmp_path / "file" / "journal"))
    recorder = kept.recorder()
    kept.journal.start()
    word = "w" * 1_000_000
    given: set[str] = set()
    for number in range(120):
        given.update(kept.predict(recorder, float(number), where=word if number % 2 else "here") or [])
    assert kept.numbers["dropped"] == 21  # 39 of 60 such words are 160 MB
    (tmp_path / "file").unlink()
    wait_for(lambda: kept.numbers["backlog"] == 0, 30)
    written = unpacked(opened(kept.location))
    assert [found == (word if x % 2 else None) for x, found in written.items()] == [True] * len(written)
    assert len(written) == kept.numbers["stored"] == len(given)
    kept.journal.stop()


def test_rows_that_cannot_be_packed_are_counted_and_hold_up_nobody(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(entries: object) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("fasttrack.journal.recorder.pack", full)
        kept.predict(kept.recorder(), 1.0, 2.0)
        wait_for(lambda: kept.numbers["dropped"] == 2)
    kept.predict(kept.recorder(), 3.0)
    wait_for(lambda: kept.numbers == {"backlog": 0, "stored": 1, "dropped": 2})


def test_columns_that_are_omitted_are_never_written(tmp_path: Path, opened: Opened) -> None:
    kept = Kept(str(tmp_path / "journal"), omit=["where"])
    kept.journal.start()
    kept.predict(kept.recorder(), 1.0, 2.0, where="a secret place")
    kept.journal.stop()
    assert [x for x, _ in kept.written().values()] == [1.0, 2.0]
    assert [one.name for one in opened(kept.location).models()[0].columns] == ["x"]
    for file in tmp_path.iterdir():
        assert b"secret" not in file.read_bytes()


def test_what_a_model_does_not_know_is_written_as_text(kept: Kept, opened: Opened) -> None:
    kept.predict(kept.recorder(), 1.0, where="elsewhere")
    kept.predict(kept.recorder(), 2.0, where="there")
    kept.journal.stop()
    words = [unpack(chunk.content).words for chunk in opened(kept.location).chunks(0)]
    assert {1: {0: "elsewhere"}} in words


def test_words_of_a_column_in_which_the_model_knows_none_are_kept(tmp_path: Path, opened: Opened) -> None:
    column = Column(name="note", kind="category", nullable=True, dtype="str")
    free = Contract(columns=[column], target=Target(name="y", task="regression"))
    kept = Kept(str(tmp_path / "journal"))
    recorder = kept.journal.recorder("m", "v1", free)
    rows = Decoder(free).rows(b'[{"note":"first"},{"note":null},{"note":"third"}]')
    assert not rows.unusual
    recorder.record(rows, np.zeros(3), None)
    kept.journal.start()
    kept.journal.stop()
    (chunk,) = opened(kept.location).chunks(0)
    assert unpack(chunk.content).words == {0: {0: "first", 2: "third"}}


def test_labels_are_counted_as_matched_or_unknown(kept: Kept, opened: Opened) -> None:
    ids = kept.predict(kept.recorder(), 1.0, 2.0)
    assert ids is not None
    wait_for(lambda: kept.numbers["stored"] == 2)
    process, row = parse_id(ids[1]) or ("", 0)
    assert kept.journal.add_labels([(process, row, "3.5", time.time()), ("nobody0000", 1, "1", time.time())])
    wait_for(lambda: kept.counts.labels["unknown"][0] == 1)
    assert kept.counts.labels["matched"][0] == 1
    database = opened(kept.location)
    assert database.labels_of(next(database.chunks(0))) == {1: 3.5}


def test_a_label_waits_for_the_worker_that_made_its_prediction(location: str, opened: Opened) -> None:
    one, other = Kept(location, flush_seconds=30.0), Kept(location)
    ids = other.predict(other.recorder(), 1.0)  # not written before it starts
    assert ids is not None
    process, row = parse_id(ids[0]) or ("", 0)
    one.journal.start()
    assert one.journal.add_labels([(process, row, "3.5", time.time()), ("nobody0000", 1, "1", time.time())])
    database = opened(location)
    wait_for(lambda: database.labels() == 2)
    other.journal.start()
    other.journal.stop()
    assert {name: count[0] for name, count in one.counts.labels.items()} == {"matched": 0, "unknown": 0, "refused": 0}
    one.journal.stop()
    assert {name: count[0] for name, count in one.counts.labels.items()} == {"matched": 1, "unknown": 1, "refused": 0}


def test_labels_that_do_not_fit_are_not_taken(tmp_path: Path, opened: Opened) -> None:
    kept = Kept(str(tmp_path / "journal"))
    million = [("process000", row, "1", 0.0) for row in range(1_000_000)]
    assert kept.journal.add_labels(million)
    assert not kept.journal.add_labels(million[:1])
    kept.journal.start()
    kept.journal.stop()
    assert kept.counts.labels["unknown"][0] == 1_000_000
    assert opened(kept.location).labels() == 1_000_000


def test_old_predictions_leave_while_the_server_runs(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path / "journal"))
    kept.journal.start()
    kept.predict(kept.recorder(), 1.0)
    kept.journal.stop()
    later = Kept(kept.location, keep_days=1e-9)
    later.journal.start()  # a server sweeps when it starts, and every few minutes
    wait_for(lambda: not later.written())
    later.journal.stop()


def test_a_database_that_goes_away_and_comes_back_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    server = Postgres()
    kept = Kept(server.url, most_rows=5_000)
    kept.journal.start()
    recorder = kept.recorder()
    stop, slowest = threading.Event(), [0.0]
    given: dict[str, float] = {}
    refused = [0]

    def predict() -> None:
        x = 0.0
        while not stop.is_set():
            x += 1
            started = time.perf_counter()
            ids = kept.predict(recorder, x)
            slowest[0] = max(slowest[0], time.perf_counter() - started)
            if ids is None:
                refused[0] += 1
            else:
                given[ids[0]] = x
            time.sleep(0.0002)

    caller = threading.Thread(target=predict)
    caller.start()
    wait_for(lambda: kept.numbers["stored"] > 100)
    server.stop()
    wait_for(lambda: kept.numbers["dropped"] > 100, 60)
    server.start()
    stored = kept.numbers["stored"]
    wait_for(lambda: kept.numbers["stored"] > stored + 5_000)
    stop.set()
    caller.join()
    kept.journal.stop()
    assert kept.numbers == {"backlog": 0, "stored": len(given), "dropped": refused[0]}
    assert kept.written() == {one: (x, 2 * x) for one, x in given.items()}
    assert slowest[0] < 1, "no prediction waits for the database"
    told = [record.message for record in caplog.records if record.name == "fasttrack"]
    assert sum("cannot be used" in one for one in told) == 1
    server.close()
