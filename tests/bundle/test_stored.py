"""Stores that earlier versions wrote are opened, verified, scored, promoted and sent to MLflow by this one."""

from __future__ import annotations

import json
import shutil
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from fasttrack.bundle import FORMAT, MANIFEST, Bundle, manifest, open_bundle, write_bundle
from fasttrack.contract import Column, Contract, Target
from fasttrack.contract.decode import Decoder
from fasttrack.errors import BundleError
from fasttrack.jobs.promote import promote, rollback
from fasttrack.metrics.reference import REFERENCE, learn_reference, read_reference
from fasttrack.report import read_report
from fasttrack.scoring.open import engine_of
from fasttrack.store import CHALLENGER, CHAMPION, LocalStore
from fasttrack.tracking import Place, resume, spool_folder
from tests.bundles import manifest as some_manifest
from tests.serving.server import serving
from tests.tracking.runs import mlflow_client, runs_of

STORED = Path(__file__).parent / "stored"
FORMATS = sorted(path.name for path in STORED.iterdir())
SAME_SCIKIT_LEARN = metadata.version("scikit-learn").startswith("1.9.")
"""The stored pipelines were pickled by 1.9; another minor version refuses them."""


@pytest.fixture(params=FORMATS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of what is stored of one format."""
    shutil.copytree(STORED / request.param, tmp_path / "stored")
    return tmp_path / "stored"


@pytest.fixture
def store(folder: Path) -> LocalStore:
    return LocalStore(folder / "store")


def recorded_answers(folder: Path) -> dict[str, dict[str, Any]]:
    """By label: rows, and what the version that wrote the store answered."""
    content: dict[str, dict[str, Any]] = json.loads((folder / "answers.json").read_text())
    return content


def scored(bundle: Bundle, rows: list[dict[str, Any]]) -> tuple[list[Any], list[Any] | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, of a pickle of another patch release
        engine = engine_of(bundle)
    scores = engine.score(Decoder(bundle.manifest.contract).rows(json.dumps(rows).encode()))
    return list(scores.prediction), None if scores.probabilities is None else scores.probabilities.tolist()


def test_a_store_is_kept_of_every_format() -> None:
    assert sorted(f"format-{number}" for number in range(1, FORMAT + 1)) == FORMATS


def test_every_version_is_whole_and_gives_its_recorded_answers(store: LocalStore, folder: Path) -> None:
    labels = []
    for name in store.names():
        for stored in store.versions(name):
            bundle = store.open(f"{name}@{stored.version}")
            labels.append(bundle.label)
            assert store.verify(name, stored.version) == stored
            assert read_reference(bundle) is not None
            assert "<html" in read_report(bundle)
            answers = recorded_answers(folder)[bundle.label]
            if stored.engine == "sklearn" and not SAME_SCIKIT_LEARN:
                with pytest.raises(BundleError, match=r"was trained with scikit-learn 1\.9"):
                    engine_of(bundle)
                continue
            for times in (1, 40):  # many rows are answered by another form of the graph
                predictions, probabilities = scored(bundle, answers["rows"] * times)
                assert predictions == answers["predictions"] * times
                assert probabilities is not None
                np.testing.assert_allclose(probabilities, answers["probabilities"] * times, rtol=1e-9)
    assert sorted(labels) == sorted(recorded_answers(folder))


def test_its_champion_serves(store: LocalStore, folder: Path) -> None:
    bundle = store.open("stays")
    assert bundle.manifest.engine == "onnx"
    answers = recorded_answers(folder)[bundle.label]
    with serving(store.folder) as client:
        reply = client.post("/predict", json=answers["rows"]).json()
    assert reply["model"] == bundle.label
    assert reply["predictions"] == answers["predictions"]


def test_its_pointer_is_walked_back_and_forth(store: LocalStore) -> None:
    first, second = (step.version for step in store.history("stays"))
    assert store.alias("stays", CHALLENGER) is None
    assert rollback("stays", store=store, tracking="off").version == first
    assert promote(f"stays@{second}", store=store, tracking="off").before == first
    assert [step.version for step in store.history("stays")] == [first, second]
    assert list(store.check_aliases()) == []


def test_mlflow_loads_its_bundles(store: LocalStore, folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

        bundle = store.open("stays")
        model = mlflow.pyfunc.load_model(str(bundle.folder))
    answers = recorded_answers(folder)[bundle.label]
    rows = pd.DataFrame(answers["rows"])
    rows["joined"] = pd.to_datetime(rows["joined"], format="ISO8601")
    assert model.predict(rows).tolist() == answers["predictions"]


def test_its_waiting_run_is_sent(store: LocalStore, tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path}/mlflow.db", "delayed")
    (result,) = resume(store, spool_folder(store.location), place)
    assert result.message.startswith("tracked: stays version 1 (champion), run ")
    with mlflow_client(place.uri) as mlflow:
        (run,) = [run for run in runs_of(mlflow, "stays") if run.info.run_id == result.run_id]
        assert run.data.params["search.trials"] == "2"
        assert mlflow.get_model_version_by_alias("stays", CHAMPION).run_id == result.run_id


def test_an_older_format_is_upgraded_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a later version would read it, whose second format has another name for a field."""
    source = next((STORED / "format-1" / "store" / "stays").glob(f"*/{MANIFEST}")).parent
    shutil.copytree(source, tmp_path / "bundle")
    content = json.loads((tmp_path / "bundle" / MANIFEST).read_text())

    def upgrade(content: dict[str, Any]) -> dict[str, Any]:
        return {**content, "training": {**content["training"], "estimator": f"was {content['training']['estimator']}"}}

    monkeypatch.setattr(manifest, "FORMAT", 2)
    monkeypatch.setattr(manifest, "_UPGRADES", {1: upgrade})
    bundle = open_bundle(tmp_path / "bundle")
    assert bundle.manifest.training.estimator == f"was {content['training']['estimator']}"
    assert bundle.manifest.version == content["version"]
    monkeypatch.undo()
    assert manifest._UPGRADES.keys() == set(range(1, FORMAT))


def test_a_champion_of_format_1_publishes_no_value_that_nobody_counted(tmp_path: Path) -> None:
    shutil.copytree(STORED / "format-1", tmp_path / "stored")
    with serving(tmp_path / "stored" / "store") as client:
        columns = {column["name"]: column for column in client.get("/contract").json()["columns"]}
        description = client.get("/openapi.json").json()["paths"]["/predict"]["get"]["parameters"][1]["description"]
    assert (columns["plan"]["categories"], columns["plan"]["category_count"]) == ([], 3)
    assert columns["plan"]["example"] == "some text"
    assert description.startswith("3 known values, none of which is listed.")
    assert 3.3 < columns["minutes"]["minimum"] < columns["minutes"]["maximum"] < 230.4


def test_a_champion_of_format_2_reads_what_people_write(tmp_path: Path) -> None:
    shutil.copytree(STORED / "format-2", tmp_path / "stored")
    row = recorded_answers(tmp_path / "stored")
    rows = next(content["rows"] for content in row.values() if "paid" in content["rows"][0])
    with serving(tmp_path / "stored" / "store") as client:
        written = client.post("/predict", json=rows[0])
        plain = client.post("/predict", json=rows[0] | {"paid": 1200.5})
    assert written.json()["prediction"] == plain.json()["prediction"]
    assert written.json()["probabilities"] == plain.json()["probabilities"]


def test_its_drift_reference_does_not_name_rare_categories(tmp_path: Path) -> None:
    """Versions that did not count named the bins of the 20 most frequent categories, however rare."""
    word = Column(
        name="word", kind="category", nullable=False, dtype="str", categories=["a", "rare", "z"], shown=[0, 1, 2]
    )
    target = Target(name="y", task="regression")
    counted = Contract(columns=[word], target=target)
    reference = learn_reference(counted, np.repeat([0.0, 1.0, 2.0], [9, 4, 5])[:, None], np.zeros(1))
    assert "01 rare" in reference.features[0].names
    uncounted = Contract(columns=[msgspec.structs.replace(word, shown=None)], target=target)
    stored = write_bundle(
        tmp_path,
        some_manifest(contract=uncounted),
        None,
        others={REFERENCE: msgspec.json.encode(reference)},
    )
    read = read_reference(stored)
    assert read is not None
    assert read.features[0].names == ["00 a", "01", "02 z", "unseen", "missing"]
