"""What the journal stores and finds, in SQLite and in a real PostgreSQL."""

from __future__ import annotations

import multiprocessing
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fasttrack.errors import ConfigError, StoreError
from fasttrack.journal import Database, JournalModel, journal_location, open_database
from fasttrack.journal.predictions import Chunk, pack, unpack
from tests.journal.places import contract, entries

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journal.places import Opened

ABOUT = JournalModel.of("m", "v1", contract(), [])


def chunk(start: int, rows: int, *, at: float = 1_700_000_000.0, process: str = "p" * 10, version: str = "v1") -> Chunk:
    found = entries(rows, at=at, seed=start)
    return Chunk(process, start, rows, float(found.at[0]), float(found.at[-1]), "m", version, pack(found))


def test_chunks_come_back_latest_first_or_oldest_first(location: str, opened: Opened) -> None:
    database = opened(location)
    first, second = chunk(0, 10), chunk(10, 5, at=1_700_000_100)
    database.append([ABOUT], [second])
    database.append([ABOUT], [first, second])  # again, as if the first commit had not been confirmed
    assert list(database.chunks(0)) == [second, first]
    assert list(database.chunks(0, oldest_first=True)) == [first, second]
    assert list(database.chunks(1_700_000_050)) == [second]
    assert list(database.chunks(0, most=5)) == [second]
    assert list(database.chunks(0, model="other")) == []
    assert database.models() == [ABOUT]
    assert database.latest() == ABOUT
    assert database.latest("other") is None
    assert [(span.rows, span.first) for span in database.spans()] == [(15, first.first)]
    np.testing.assert_array_equal(unpack(next(database.chunks(0)).content).matrix, entries(5, seed=10).matrix)


def test_of_several_labels_of_a_prediction_the_last_one_counts(location: str, opened: Opened) -> None:
    database = opened(location)
    database.append([ABOUT], [chunk(0, 10)])
    process = "p" * 10
    database.label([(process, 3, "1.5", 1.0), (process, 3, "2.5", 2.0), (process, 99, "7", 2.0)])
    database.label([(process, 4, '"word \\u0000"', 3.0), (process, 3, "3.5", 3.0)])
    database.label([])
    assert database.labels_of(next(database.chunks(0))) == {3: 3.5, 4: "word \0"}
    assert database.labels() == 3
    assert database.owners([(process, 9), (process, 10), ("q", 3), (process, 0)]) == [
        ("m", "v1"),
        None,
        None,
        ("m", "v1"),
    ]
    assert database.owners([]) == []


def test_the_owners_of_ids_of_many_processes_are_found(location: str, opened: Opened) -> None:
    database = opened(location)
    random = np.random.default_rng(3)
    content = pack(entries(1))
    chunks = [
        Chunk(f"process{i:03}", start, 10, 1.0, 2.0, "m", f"v{random.integers(3)}", content)
        for i in range(700)
        for start in random.choice(range(0, 100, 10), 3, replace=False).tolist()
    ]
    database.append([ABOUT], chunks)
    held = {
        (one.process, number): (one.model, one.version) for one in chunks for number in range(one.start, one.start + 10)
    }
    ids = [(f"process{random.integers(750):03}", int(random.integers(110))) for _ in range(5000)]
    assert database.owners(ids) == [held.get(one) for one in ids]


def test_ids_of_many_processes_are_looked_up_in_few_statements(tmp_path: Path, opened: Opened) -> None:
    database = opened(str(tmp_path / "journal.sqlite"))
    statements: list[str] = []
    database._connection._connection.set_trace_callback(statements.append)
    assert database.owners([(f"process{i}", 0) for i in range(20_000)]) == [None] * 20_000
    assert len(statements) < 100


def test_a_label_that_came_earlier_and_is_written_later_does_not_count(location: str, opened: Opened) -> None:
    ours, theirs = opened(location), opened(location)
    ours.append([ABOUT], [chunk(0, 10)])
    process = "p" * 10
    ours.label([(process, 3, "2", 20.0), (process, 4, "2", 20.0)])
    theirs.label([(process, 3, "1", 10.0), (process, 5, "2", 20.0), (process, 5, "1", 10.0)])
    theirs.label([(process, 4, "3", 20.0)])  # a second label at the same time
    assert ours.labels_of(next(ours.chunks(0))) == {3: 2, 4: 3, 5: 2}


def test_old_predictions_and_the_oldest_of_too_many_are_swept_with_their_labels(location: str, opened: Opened) -> None:
    database = opened(location)
    many = [chunk(100 * i, 100, at=1_700_000_000 + 100 * i) for i in range(50)]
    database.append([ABOUT], many)
    database.label([("p" * 10, number, "1", 1_700_000_000 + number) for number in range(0, 5000, 100)])
    assert database.sweep(before=1_700_000_000 + 1000) == 1000
    assert database.labels() == 40
    assert len(list(database.chunks(0))) == 40
    one_label = database.size() - sum(len(one.content) for one in many[10:])
    assert one_label % 40 == 0
    limit = sum(len(one.content) for one in many[:21]) + 21 * one_label // 40
    removed = database.sweep(most_bytes=limit)
    left = list(database.chunks(0))
    assert removed == 4000 - sum(one.rows for one in left)
    assert database.size() <= limit
    assert 20 <= len(left) <= 21
    assert left[0].start == 4900, "the latest ones stay"
    assert database.labels() == len(left)
    assert database.sweep(before=None, most_bytes=0) == sum(one.rows for one in left)
    assert not list(database.chunks(0))


def test_labels_of_no_prediction_are_counted_and_go_before_any_prediction(location: str, opened: Opened) -> None:
    database = opened(location)
    many = [chunk(100 * i, 100, at=1_700_000_000 + 100 * i) for i in range(5)]
    database.append([ABOUT], many)
    process = "p" * 10
    database.label([(process, number, "1", 1_700_000_000.0) for number in range(0, 500, 10)])
    full = database.size()
    # numbers after the last prediction, unknown processes, and the longest label
    database.label([(process, 500 + i, "1", 1_700_000_000.0 + i) for i in range(3000)])
    database.label([(f"q{i:09}", 3, '"\u00fc\u00fc"', 1_700_010_000.0 + i) for i in range(3000)])
    assert database.size() > full + 6000 * 60
    database.label([("r" * 10, 0, f'"{"ü" * 100_000}"', 1_700_020_000.0)])
    assert database.size() > full + 200_000
    assert database.sweep(most_bytes=full + 200_500) == 0
    assert full + 200_000 < database.size() <= full + 200_500, "the oldest are gone first, and no more than needed"
    assert database.sweep(most_bytes=full) == 0
    assert database.size() == full
    assert database.labels() == 50
    assert sum(one.rows for one in database.chunks(0)) == 500
    assert database.sweep(most_bytes=full - 1) == 100
    assert database.labels() == 40
    assert database.sweep(most_bytes=0) == 400
    assert database.size() == database.labels() == 0


def _append(location: str, process: str) -> None:
    database = open_database(location)
    for start in range(0, 200, 10):
        database.append([ABOUT], [chunk(start, 10, process=process)])
        database.label([(process, start, "1", time.time())])
    database.close()


def test_processes_write_into_one_journal(location: str, opened: Opened) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(location, f"process{i}xx")) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    database = opened(location)
    assert sum(one.rows for one in database.chunks(0)) == 800
    assert database.labels() == 80


def test_why_a_journal_cannot_be_opened_is_one_line_without_the_password(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be looked at as one" * 20)
    with pytest.raises(StoreError, match="text cannot be used: file is not a database"):
        open_database(str(tmp_path / "text"))
    with pytest.raises(StoreError, match="unable to open database file"):
        open_database(str(tmp_path))
    with pytest.raises(StoreError) as refused:
        open_database("postgresql://me:secret@127.0.0.1:1/none")
    assert "postgresql://me:***@127.0.0.1:1/none cannot be used: " in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_connection_that_broke_is_opened_anew(location: str) -> None:
    with Database(location) as database:
        database.append([ABOUT], [chunk(0, 10)])
        database._connection._connection.close()
        with pytest.raises(StoreError):
            database.spans()
        assert [span.rows for span in database.spans()] == [10]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:hun@ter2@127.0.0.1/journal",
        "postgresql://me:hun/ter2@127.0.0.1/journal",
        "postgresql://me:5432ter2@x:ter2@127.0.0.1/journal",
        "postgresql://me@127.0.0.1/journal?ter2=ter2",
    ],
)
def test_an_address_that_is_taken_apart_otherwise_shows_nothing_of_its_password(address: str) -> None:
    with pytest.raises((ConfigError, StoreError), match="its address cannot be understood; write postgres") as caught:
        open_database(journal_location(address, "model") or "").close()
    assert "ter2" not in str(caught.value)
