"""Small chunks are merged, and a reader meanwhile sees each prediction exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fasttrack.errors import DataError
from fasttrack.journal import JournalModel
from fasttrack.journal.compaction import Compactor
from fasttrack.journal.connection import Cursor
from fasttrack.journal.export import training_table
from fasttrack.journal.predictions import Chunk, Entries, join_chunks, pack, unpack
from tests.journal.places import contract, entries, wait_for
from tests.journal.test_writer import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fasttrack.journal import Database
    from tests.journal.places import Opened

PROCESS = "0000000000000001"


def chunks(whole: Entries, sizes: Sequence[int], *, start: int = 0, version: str = "v1") -> Iterator[Chunk]:
    """The predictions in chunks with these numbers of rows."""
    place = 0
    for rows in sizes:
        part = whole.part(place, place + rows)
        yield Chunk(PROCESS, start + place, rows, float(part.at[0]), float(part.at[-1]), "m", version, pack(part))
        place += rows


def store(database: Database, compactor: Compactor, given: Iterator[Chunk]) -> None:
    for chunk in given:
        database.append([JournalModel.of("m", chunk.version, contract(), [])], [chunk])
        compactor.add(chunk)


def rows(database: Database) -> list[int]:
    return [chunk.rows for chunk in database.chunks(0, oldest_first=True)]


def assert_same(found: Entries, expected: Entries) -> None:
    np.testing.assert_array_equal(found.at, expected.at)
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    np.testing.assert_array_equal(found.output, expected.output)
    assert {place: dict(words) for place, words in found.words.items() if words} == expected.words


def stored(database: Database) -> Entries:
    """All predictions in a journal of one process, whose numbers must have no gap."""
    found = sorted(database.chunks(0), key=lambda chunk: chunk.start)
    assert [chunk.start for chunk in found] == np.cumsum([0, *(chunk.rows for chunk in found)])[:-1].tolist()
    return unpack(join_chunks(found).content)


def test_chunks_of_one_prediction_become_few(location: str, opened: Opened) -> None:
    database, whole = opened(location), entries(2_500)
    store(database, Compactor(database), chunks(whole, [1] * 2_500))
    assert rows(database) == [1024, 1024, *[32] * 14, *[1] * 4]
    assert_same(stored(database), whole)


def test_sizes_that_differ_and_probabilities(location: str, opened: Opened) -> None:
    database, whole = opened(location), entries(3_000)
    shares = np.random.default_rng(0).random((3_000, 3))
    whole = Entries(whole.at, whole.matrix, whole.output, shares, whole.words)
    sizes = np.random.default_rng(1).integers(1, 9, 600).tolist()
    store(database, Compactor(database), chunks(whole, sizes))
    assert len(rows(database)) == 18 + 600 % 32
    found = stored(database)
    assert_same(found, whole.part(0, sum(sizes)))
    assert found.probabilities is not None
    np.testing.assert_array_equal(found.probabilities, shares[: sum(sizes)])


def test_labels_keep_their_predictions(location: str, opened: Opened) -> None:
    database, whole = opened(location), entries(100)
    compactor = Compactor(database)
    database.label([(PROCESS, number, str(number), 1.0) for number in range(0, 100, 3)])
    store(database, compactor, chunks(whole, [1] * 100))
    found = {chunk.start + row: one for chunk in database.chunks(0) for row, one in database.labels_of(chunk).items()}
    assert found == {number: number for number in range(0, 100, 3)}
    assert database.owners([(PROCESS, 0), (PROCESS, 40), (PROCESS, 99), (PROCESS, 100)]) == [("m", "v1")] * 3 + [None]


def test_a_version_ends_what_is_merged(location: str, opened: Opened) -> None:
    database = opened(location)
    compactor = Compactor(database)
    store(database, compactor, chunks(entries(20), [1] * 20))
    store(database, compactor, chunks(entries(40, at=1.8e9), [1] * 40, start=20, version="v2"))
    store(database, compactor, chunks(entries(40, at=1.9e9), [1] * 40, start=61, version="v2"))  # one number is missing
    assert rows(database) == [*[1] * 20, 32, *[1] * 8, 32, *[1] * 8]


def test_a_chunk_spans_an_hour_at_most(location: str, opened: Opened) -> None:
    database, whole = opened(location), entries(200)
    spread = Entries(np.linspace(0, 199 * 110.0, 200), whole.matrix, whole.output, None, whole.words)
    spread.at[100:] += 86_400  # a night
    store(database, Compactor(database), chunks(spread, [1] * 200))
    assert rows(database) == [32, 32, 32, *[1] * 4, 32, 32, 32, *[1] * 4]
    assert_same(stored(database), spread)


def test_large_chunks_stay_as_they_are(location: str, opened: Opened) -> None:
    database, whole = opened(location), entries(100_000)
    store(database, Compactor(database), chunks(whole, [2_000] * 50))
    assert rows(database) == [2_000] * 50


def test_who_reads_meanwhile_sees_each_prediction_once(location: str, opened: Opened) -> None:
    database, reader, whole = opened(location), opened(location), entries(200)
    compactor, given = Compactor(database), chunks(whole, [1] * 200)
    for _ in range(31):
        store(database, compactor, iter([next(given)]))
    for newest_first in (True, False):
        reading = reader.chunks(0, oldest_first=not newest_first)
        before = sum(rows(database))
        begun = [next(reading), next(reading)]
        store(database, compactor, iter([next(given) for _ in range(32)]))  # merges chunks that are not read yet
        found = sorted([*begun, *reading], key=lambda chunk: chunk.start)
        assert [chunk.start for chunk in found] == np.cumsum([0, *(chunk.rows for chunk in found)])[:-1].tolist()
        assert_same(unpack(join_chunks(found).content), whole.part(0, before))


def test_what_a_sweep_takes_meanwhile_is_gone_and_nothing_else(location: str, opened: Opened) -> None:
    database, whole = opened(location), entries(64)
    compactor = Compactor(database)
    store(database, compactor, chunks(whole.part(0, 31), [1] * 31))
    assert database.sweep(before=float(whole.at[3])) == 3
    last = Chunk(PROCESS, 31, 1, float(whole.at[31]), float(whole.at[31]), "m", "v1", pack(whole.part(31, 32)))
    store(database, compactor, iter([last]))
    assert rows(database) == [1] * 29
    # also if the sweep comes after the chunks were read and before the merged one is written
    found = database.between(PROCESS, 3, 32)
    assert database.sweep(before=float(whole.at[5])) == 2
    assert not database.replace(len(found), join_chunks(found))
    assert rows(database) == [1] * 27
    (first, *_) = database.chunks(0, oldest_first=True)
    assert first.start == 5


def test_a_sweep_leaves_the_labels_of_what_is_merged_meanwhile(
    location: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, other, whole = opened(location), opened(location), entries(32)
    database.append([JournalModel.of("m", "v1", contract(), [])], list(chunks(whole, [1] * 32)))
    database.label([(PROCESS, number, "1", float(whole.at[-1])) for number in range(32)])
    found = other.between(PROCESS, 0, 32)
    execute = Cursor.execute
    merged: list[bool] = []

    def merge_before_removal(self: Cursor, statement: str, parameters: Sequence[Any] = ()) -> None:
        if statement.startswith("DELETE FROM fasttrack_chunks WHERE process = ? AND start = ?") and not merged:
            merged.append(other.replace(len(found), join_chunks(found)))
        execute(self, statement, parameters)

    monkeypatch.setattr(Cursor, "execute", merge_before_removal)
    assert database.sweep(before=float(whole.at[20])) == 0
    assert merged == [True]
    (chunk,) = database.chunks(0)
    assert len(database.labels_of(chunk)) == 32


def test_of_a_chunk_with_older_predictions_the_younger_ones_are_trained_on(location: str, opened: Opened) -> None:
    database, whole = opened(location), entries(40)
    of = JournalModel.of("m", "v1", contract(), [])
    store(database, Compactor(database), chunks(whole, [1] * 40))
    assert rows(database) == [32, *[1] * 8]
    database.label([(PROCESS, number, "1.5", 1.0) for number in range(10)])
    with pytest.raises(DataError, match="no labelled prediction"):
        training_table(database, float(whole.at[20]), of)
    database.label([(PROCESS, number, "2.5", 1.0) for number in (25, 39)])
    assert training_table(database, float(whole.at[20]), of).column("y").to_pylist() == [2.5, 2.5]


def test_a_server_with_few_requests_leaves_few_chunks(tmp_path: Path, opened: Opened) -> None:
    kept = Kept(str(tmp_path / "journal"), flush_seconds=0.01)
    recorder = kept.recorder()
    kept.journal.start()
    given: dict[str, float] = {}
    for x in range(70):
        (one,) = kept.predict(recorder, float(x), where="elsewhere") or [""]
        given[one] = float(x)
        wait_for(lambda: kept.numbers["backlog"] == 0)
    kept.journal.stop()
    assert kept.written() == {one: (x, 2 * x) for one, x in given.items()}
    assert len(rows(opened(kept.location))) == 2 + 70 % 32
    assert kept.numbers == {"backlog": 0, "stored": 70, "dropped": 0}
