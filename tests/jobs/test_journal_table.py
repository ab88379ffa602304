"""Training on the journal: name and target are those of the model that predicted, the rows those that have a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import fasttrack
from fasttrack.errors import ConfigError, DataError
from tests.journal.places import wait_for
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose journal has 60 predictions of `line`, 50 of them labelled with another slope."""
    folder = tmp_path_factory.mktemp("store")
    models.line(folder)
    with serving(folder, journal="on") as client:
        ids = client.post("/predict", json=[{"x": x / 10} for x in range(60)]).json()["ids"]
        labels = [{"id": identifier, "label": 5 * x / 10 + 1} for x, identifier in enumerate(ids[:50])]
        client.post("/feedback", json=labels).raise_for_status()
        wait_for(lambda: 'feedback_total{outcome="matched"} 50' in client.get("/metrics").text)
    return folder


def test_what_was_labelled_is_trained_on(store: Path) -> None:
    outcome = fasttrack.train("journal", estimator="linear", since="1h", store=store, promote="never")
    manifest = outcome.manifest
    assert manifest.name == "line"
    assert (manifest.contract.target.name, manifest.contract.names) == ("y", ["x"])
    assert manifest.training.rows + manifest.training.holdout_rows == 50
    assert manifest.training.source == "journal"
    model = fasttrack.load(outcome.label, store=store)
    assert model.predict({"x": 2.0}).tolist() == pytest.approx([11.0], abs=0.5)


def test_what_the_journal_does_not_hold_is_named(store: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the journal holds no prediction of nobody"):
        fasttrack.train("journal", name="nobody", store=store)
    with pytest.raises(DataError, match="the journal has labels of 'y', not of 'z'"):
        fasttrack.train("journal", "z", store=store)
    with pytest.raises(ConfigError, match="there is no journal at "):
        fasttrack.train("journal", store=tmp_path)


def test_one_of_several_models_must_be_named(store: Path) -> None:
    models.line(store, name="other")
    with serving(store, journal="on", model="other") as client:
        client.post("/predict", json={"x": 1}).raise_for_status()
    with pytest.raises(ConfigError, match="the journal holds predictions of line, other; choose one with --name"):
        fasttrack.train("journal", store=store)
