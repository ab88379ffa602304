"""Labels from a table: a million, in any order, repeated, of unknown predictions; and invalid tables."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.errors import DataError
from fasttrack.journal import JournalModel
from fasttrack.journal.feedback import label_predictions
from fasttrack.journal.predictions import Chunk, PredictionIds, pack
from tests.journal.places import contract, entries

if TYPE_CHECKING:
    from tests.journal.places import Opened

FASTTRACK = Path(sys.executable).parent / "fasttrack"
PROCESS = "p" * 10


def journal_of(location: str, rows: int, opened: Opened) -> None:
    """Predictions in chunks of 50,000."""
    database = opened(location)
    packed = {size: entries(size) for size in {min(rows, 50_000), rows % 50_000 or min(rows, 50_000)}}
    for start in range(0, rows, 50_000):
        found = packed[min(50_000, rows - start)]
        chunk = Chunk(PROCESS, start, len(found), float(found.at[0]), float(found.at[-1]), "m", "v1", pack(found))
        database.append([JournalModel.of("m", "v1", contract(), [])], [chunk])


@pytest.mark.system
def test_a_million_labels_from_parquet(tmp_path: Path, opened: Opened) -> None:
    where = str(tmp_path / "journal.sqlite")
    journal_of(where, 900_000, opened)
    random = np.random.default_rng(0)
    # in random order; 100,000 of unknown predictions; 1,000 repeated at the end of the table
    order = random.permutation(1_000_000)
    every = np.array(PredictionIds(PROCESS, 0, 1_000_000).all(), dtype=object)
    again = order[:1_000]
    ids = np.concatenate([every[order], every[again]])
    labels = np.concatenate([order.astype(float), np.full(1_000, -1.0)])
    pq.write_table(pa.table({"prediction_id": ids, "y": labels}), tmp_path / "labels.parquet")
    command = [str(FASTTRACK), "feedback", "labels.parquet", "--label", "y", "--journal", where]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    known = int((order < 900_000).sum()) + int((again < 900_000).sum())
    assert done.stdout.splitlines() == [
        f"{known:,} predictions labelled",
        f"{1_001_000 - known:,} labels kept for predictions that the journal does not hold yet",
    ]
    database = opened(where)
    assert database.labels() == 1_000_000
    found = database.labels_of(next(database.chunks(0, oldest_first=True)))
    twice = set(again.tolist())
    assert all(label == (-1.0 if row in twice else row) for row, label in found.items())
    assert len(found) == 50_000
    # processor time, which does not depend on the load of the machine
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60
    assert after.ru_maxrss < 2_000_000, "KiB, of the largest child"


@pytest.mark.parametrize(
    ("ids", "labels", "told"),
    [
        (
            [f"{PROCESS}-00000001", "me"],
            [1.0, 2.0],
            "row 1: 'me' is not the id of a prediction; no label was stored",
        ),
        (
            [f"{PROCESS}-00000001", None],
            [1.0, 2.0],
            "row 1: None is not the id of a prediction; no label was stored",
        ),
        ([f"{PROCESS}-00000001"], ["many"], "t, row 0: the label of y must be a number, got text; no label was stored"),
        ([f"{PROCESS}-00000001"], [True], "t, row 0: the label of y must be a number, got .*; no label was stored"),
        (
            [f"{PROCESS}-00000002", f"{PROCESS}-00000001"],
            [1.0, float("nan")],
            "t, row 1: the label of y is not a number that a 64-bit float can hold",
        ),
    ],
)
def test_a_table_with_a_row_that_cannot_be_is_refused_whole(
    location: str, opened: Opened, ids: list[str], labels: list[object], told: str
) -> None:
    journal_of(location, 10, opened)
    database = opened(location)
    with pytest.raises(DataError, match=told):
        label_predictions(database, ids, labels, name="t")
    assert database.labels() == 0


def test_rows_without_a_label_are_left_for_later(location: str, opened: Opened) -> None:
    journal_of(location, 10, opened)
    database = opened(location)
    done = label_predictions(database, [f"{PROCESS}-{row:08x}" for row in (3, 1, 99)], [None, 1.5, 2.5], name="t")
    assert (done.matched, done.unknown, done.empty) == (1, 1, 1)
    assert database.labels_of(next(database.chunks(0))) == {1: 1.5}


def test_columns_that_are_not_there_and_files_that_are_not_there_are_told(tmp_path: Path, opened: Opened) -> None:
    where = str(tmp_path / "journal.sqlite")
    journal_of(where, 10, opened)
    (tmp_path / "labels.csv").write_text("id,y\npppppppppp-00000001,1\n")
    environment = {**os.environ, "COLUMNS": "200"}

    def feedback(*more: str) -> str:
        command = [str(FASTTRACK), "feedback", *more, "--journal", where]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "labels.csv has no column 'prediction_id', choose it with --id; it has 'id', 'y'" in feedback("labels.csv")
    assert "there.csv" in feedback("there.csv")
