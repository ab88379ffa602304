"""Live quality equals scikit-learn's metrics of the labelled rows; the estimate is near it without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, root_mean_squared_error

from fasttrack.journal import JournalModel, open_database
from fasttrack.journal.predictions import Chunk, Entries, pack
from fasttrack.journal.quality import estimated_figures, live_quality
from tests.journal.places import contract

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journal.places import Opened

NOW = 1_700_000_000.0


def store(
    location: str, output: np.ndarray, at: np.ndarray, shares: np.ndarray | None, classes: list[str] | None
) -> None:
    """Predictions in chunks of 100, oldest first."""
    database = open_database(location)
    about = JournalModel.of("m", "v1", contract(classes), [])
    for start in range(0, len(output), 100):
        part = slice(start, start + 100)
        of = None if shares is None else shares[part]
        content = pack(Entries(at[part], np.zeros((len(at[part]), 2)), output[part], of))
        times = float(at[part][0]), float(at[part][-1])
        database.append([about], [Chunk("p" * 10, start, len(at[part]), *times, "m", "v1", content)])
    database.close()


def test_of_numbers(tmp_path: Path, opened: Opened) -> None:
    random = np.random.default_rng(0)
    at = np.sort(NOW - random.uniform(0, 8 * 86_400, 2000))
    truth, output = random.normal(size=2000), random.normal(size=2000)
    store(str(tmp_path / "j"), output, at, None, None)
    database = opened(str(tmp_path / "j"))
    chosen = random.permutation(2000)[:1200]
    database.label([("p" * 10, int(row), repr(float(truth[row])), NOW) for row in chosen])
    database.label([("p" * 10, 5000, "1.0", NOW)])
    for found in live_quality(database, NOW):
        seconds = {"1h": 3600, "24h": 86_400, "7d": 604_800}[found.window]
        inside = at >= NOW - seconds
        rows = [row for row in chosen if inside[row]]
        assert (found.predictions, found.labelled) == (inside.sum(), len(rows))
        assert found.coverage == pytest.approx(len(rows) / inside.sum())
        assert found.figures["rmse"] == pytest.approx(root_mean_squared_error(truth[rows], output[rows]))
        assert found.figures["mae"] == pytest.approx(mean_absolute_error(truth[rows], output[rows]))
        assert found.figures["r2"] == pytest.approx(r2_score(truth[rows], output[rows]))
        assert not found.estimated
    assert {one.window for one in live_quality(database, NOW)} == {"1h", "24h", "7d"}


def test_of_classes_with_and_without_labels(tmp_path: Path, opened: Opened) -> None:
    random = np.random.default_rng(1)
    share = random.uniform(size=4000)
    shares = np.column_stack([1 - share, share])
    truth = np.where(random.uniform(size=4000) < share, "yes", "no")
    at = NOW - 3000 + np.arange(4000) / 2
    store(str(tmp_path / "j"), (share > 0.5).astype(float), at, shares, ["no", "yes"])
    database = opened(str(tmp_path / "j"))
    found = live_quality(database, NOW)[0]
    assert (found.predictions, found.labelled, dict(found.figures)) == (4000, 0, {})
    # perfectly calibrated, so the estimate is near the metrics with labels
    guess = np.where(share > 0.5, "yes", "no")
    assert found.estimated["accuracy"] == pytest.approx(accuracy_score(truth, guess), abs=0.02)
    assert found.estimated["log_loss"] == pytest.approx(log_loss(truth, shares, labels=["no", "yes"]), abs=0.02)
    database.label([("p" * 10, row, msgspec.json.encode(str(truth[row])).decode(), NOW) for row in range(4000)])
    found = live_quality(database, NOW)[0]
    assert found.labelled == 4000
    assert found.figures["accuracy"] == pytest.approx(accuracy_score(truth, guess))
    assert found.figures["log_loss"] == pytest.approx(log_loss(truth, shares, labels=["no", "yes"]))


def test_an_estimate_of_nothing_is_none() -> None:
    assert estimated_figures(np.empty((0, 2)), np.empty(0)) == {}
    assert estimated_figures(np.array([[1.0, 0.0]]), np.zeros(1)) == {"accuracy": 1.0, "log_loss": 0.0}


def test_the_accuracy_is_estimated_for_the_labels_that_a_threshold_gives() -> None:
    shares = np.array([[0.8, 0.2], [0.6, 0.4]])
    assert estimated_figures(shares, np.array([1.0, 0.0]))["accuracy"] == pytest.approx((0.2 + 0.6) / 2)


def test_labels_that_no_class_has_count_as_wrong(tmp_path: Path, opened: Opened) -> None:
    shares = np.tile([0.25, 0.75], (4, 1))
    store(str(tmp_path / "j"), np.ones(4), np.full(4, NOW - 1), shares, ["no", "yes"])
    database = opened(str(tmp_path / "j"))
    labels = ['"yes"', '"maybe"', '"no"', '"yes"']
    database.label([("p" * 10, row, label, NOW) for row, label in enumerate(labels)])
    found = live_quality(database, NOW)[0]
    assert found.labelled == 4
    assert found.figures["accuracy"] == 0.5
