"""A training as plain data: what MLflow takes as names and lengths, and nothing that is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sklearn.dummy import DummyRegressor

from fasttrack.config import DataConfig, SplitConfig, TrainConfig
from fasttrack.contract.metric import Metric
from fasttrack.store import LocalStore
from fasttrack.tracking import Place, RunRecord, record_run
from fasttrack.tracking.spool import Spool
from tests.bundles import manifest
from tests.tracking.runs import Trial, make_bundle, make_record

if TYPE_CHECKING:
    from pathlib import Path

PLACE = Place("http://me:hunter2@there:5000")


def test_a_record_holds_what_was_trained_how_well_and_on_what(tmp_path: Path) -> None:
    config = TrainConfig(
        name="line",
        data=DataConfig(source="postgresql://me:hunter2@db/flights", target="y", kinds={"zip code": "category"}),
        split=SplitConfig(method="time", column="when"),
    )
    bundle = make_bundle(LocalStore(tmp_path), "line")
    record = make_record(PLACE, bundle, config=config, started=1000.0)
    assert record.experiment == "line"
    assert record.started_ms == 1_000_000
    assert record.metrics == {
        "train_rows": 3.0,
        "rmse": 1.0,
        "rmse.low": 0.5,
        "rmse.high": 1.5,
        "baseline.rmse": 3.0,
        "baseline.rmse.low": 2.5,
        "baseline.rmse.high": 3.5,
    }
    assert record.params["data.source"] == "postgresql://me:***@db/flights"
    assert record.params["data.kinds.zip code"] == "category"
    assert record.params["split.column"] == "when"
    assert record.params["model.fit_intercept"] == "True"
    assert record.tags["fasttrack.version"] == bundle.manifest.version
    assert record.dataset is not None
    assert (record.dataset.rows, record.dataset.digest) == (3, "ab" * 8)


def test_no_secret_is_written_to_the_disk(tmp_path: Path) -> None:
    bundle = make_bundle(LocalStore(tmp_path / "model"), "line")
    spool = Spool(tmp_path / "spool")
    spool.add(make_record(PLACE, bundle))
    (path,) = (tmp_path / "spool" / "runs").iterdir()
    assert b"hunter2" not in path.read_bytes()
    assert b"me:***@there:5000" in path.read_bytes()


def test_names_and_lengths_are_those_that_mlflow_takes() -> None:
    content = manifest(metrics={"f1 größe": Metric(1.0, 0.0, 1.0)})
    trials = [Trial(0, {"p": "x" * 9000, "?": 1}, None, 1.0, "FAIL"), Trial(1, {}, float("nan"), 1.0, "COMPLETE")]
    pipeline = DummyRegressor(strategy="constant" + "é" * 9000)
    record = record_run(Place("http://there"), content, verdict="v" * 9000, pipeline=pipeline, trials=trials)
    assert set(record.metrics) == {"train_rows", "f1 gr__e", "f1 gr__e.low", "f1 gr__e.high"}
    assert len(record.params["model.strategy"]) == 500
    assert len(record.tags["fasttrack.verdict"]) == 4000
    assert set(record.trials[0].params) == {"p", "_"}
    assert [trial.metrics for trial in record.trials] == [{"seconds": 1.0}, {"seconds": 1.0}]


def test_a_record_comes_back_from_the_disk_as_it_was(tmp_path: Path) -> None:
    bundle = make_bundle(LocalStore(tmp_path / "model"), "line")
    spool = Spool(tmp_path / "spool")
    later, sooner = (make_record(PLACE, bundle, started=at, plots={"roc": "<svg/>"}) for at in (2.0, 1.0))
    for record in (later, sooner):
        spool.add(record)
        assert msgspec.json.decode(spool.path(record).read_bytes(), type=RunRecord) == record
    assert spool.runs() == [sooner, later]
    with spool.lock(sooner) as ours, spool.lock(sooner) as theirs:
        assert (ours, theirs) == (True, False)
    spool.remove(sooner)
    with spool.lock(sooner) as gone:
        assert not gone
    assert spool.runs() == [later]
