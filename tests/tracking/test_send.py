"""Trainings in a real MLflow server: what is logged, registered and pointed to; down, killed, and taken up again."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fasttrack import train
from fasttrack.cli.app import app
from fasttrack.errors import StoreError, TrackingError
from fasttrack.report import read_report
from fasttrack.store import LocalStore
from fasttrack.tracking import Place, mirror_aliases, resume, spool_folder, track
from fasttrack.tracking.place import remember_place
from fasttrack.tracking.spool import Spool
from tests.tracking.runs import Trial, files_of, make_bundle, make_record, mlflow_client, new_name, runs_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mlflow import MlflowServer, Wire

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds

TRIALS = [
    Trial(0, {"alpha": 0.5, "kind": "ridge"}, 1.25, 2.0, "COMPLETE"),
    Trial(1, {"alpha": 9.0, "kind": "ridge"}, None, 0.5, "FAIL"),
]


def _flights(folder: Path, rows: int = 300, noise: float = 0.1) -> Path:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"dep_delay": random.normal(size=rows), "carrier": random.choice(["AA", "UA"], rows)})
    table["arr_delay"] = table["dep_delay"] * 2 + (table["carrier"] == "AA") + noise * random.normal(size=rows)
    table.to_csv(folder / "flights.csv", index=False)
    return folder / "flights.csv"


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


def test_a_training_is_a_run_with_all_that_is_known_of_it(mlflow_server: MlflowServer, tmp_path: Path) -> None:
    name = new_name()
    outcome = train(
        str(_flights(tmp_path)),
        "arr_delay",
        name=name,
        estimator="linear",
        store=tmp_path / "model",
        tracking=mlflow_server.url,
    )
    assert outcome.tracked is not None
    said = f"tracked: {name} version 1 (champion), run {outcome.tracked.run_id} in {mlflow_server.url}"
    assert outcome.tracked.message == said
    with mlflow_client(mlflow_server.url) as mlflow:
        (run,) = runs_of(mlflow, name)
        assert run.info.status == "FINISHED"
        assert run.info.run_name == outcome.bundle.label
        figure = outcome.manifest.metrics["rmse"]
        logged = [run.data.metrics[key] for key in ("rmse", "rmse.low", "rmse.high")]
        assert logged == [figure.value, figure.low, figure.high]
        assert run.data.metrics["baseline.rmse"] == outcome.manifest.baseline["rmse"].value
        assert run.data.params["split.method"] == "random"
        assert run.data.params["estimator"] == "linear"
        assert run.data.tags["fasttrack.data.sha256"] == outcome.manifest.training.content_sha256
        (data,) = run.inputs.dataset_inputs
        assert data.dataset.digest == str(outcome.manifest.training.content_sha256)[:16]
        assert json.loads(data.dataset.profile) == {"num_rows": 300}
        version = mlflow.get_model_version_by_alias(name, "champion")
        assert (version.version, version.run_id) == ("1", run.info.run_id)
        assert version.tags == {"fasttrack.version": outcome.manifest.version}

        import mlflow as api

        uri = mlflow.get_model_version_download_uri(name, "1")
        folder = api.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "down"), tracking_uri=mlflow_server.url)
    files = {file: content for file, content in files_of(type(tmp_path)(folder)) if file != "registered_model_meta"}
    assert files == dict(files_of(outcome.bundle.folder))


def test_report_plots_and_trials_are_logged_where_there_are_some(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, store, name = Place(wire.url), LocalStore(tmp_path), new_name()
    bundle = make_bundle(store, name, others={"report.html": b"<p>report</p>"})
    record = make_record(place, bundle, plots={"residuals": "<svg/>"}, trials=TRIALS)
    result = track(place, record, store, spool_folder(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", wire.url)  # where MLflow looks for a run's logged models
    with mlflow_client(wire.url) as mlflow:
        top = sorted(file.path for file in mlflow.list_artifacts(result.run_id))
        assert top == ["plots", "report.html"]
        assert "model/manifest.json" in [file.path for file in mlflow.list_artifacts(result.run_id, "model")]
        assert [file.path for file in mlflow.list_artifacts(result.run_id, "plots")] == ["plots/residuals.svg"]
        children = [run for run in runs_of(mlflow, name) if run.data.tags.get("mlflow.parentRunId") == result.run_id]
    children.sort(key=lambda run: run.info.run_name)
    assert [run.info.run_name for run in children] == ["trial 0", "trial 1"]
    assert [run.info.status for run in children] == ["FINISHED", "FAILED"]
    assert [run.data.metrics for run in children] == [{"score": 1.25, "seconds": 2.0}, {"seconds": 0.5}]
    assert children[0].data.params == {"alpha": "0.5", "kind": "ridge"}


def test_aliases_follow_what_the_store_promotes(wire: Wire, tmp_path: Path) -> None:
    place, store, name = Place(wire.url), LocalStore(tmp_path), new_name()
    spool = spool_folder(tmp_path)
    first, second = make_bundle(store, name, 2.0), make_bundle(store, name, 3.0)
    store.point(name, first.manifest.version)
    assert "version 1 (champion)" in track(place, make_record(place, first), store, spool).message
    assert "version 2 (challenger)" in track(place, make_record(place, second), store, spool).message
    assert "version 1 (champion)" in track(place, make_record(place, first), store, spool).message  # trained once more
    steps: list[tuple[str, dict[str, str]]] = []
    commands = [["promote", f"{name}@{second.manifest.version}"], ["rollback", name]]
    with mlflow_client(wire.url) as mlflow:
        steps.append(("trained", dict(mlflow.get_registered_model(name).aliases)))
        for command in commands:
            output = CliRunner().invoke(app, ["models", *command, "--store", str(tmp_path)])
            steps.append((output.stdout.splitlines()[-1], dict(mlflow.get_registered_model(name).aliases)))
    assert [(said, {alias: int(number) for alias, number in aliases.items()}) for said, aliases in steps] == [
        ("trained", {"champion": 1, "challenger": 2}),
        (f"MLflow: {name} version 2 is champion", {"champion": 2}),
        (f"MLflow: {name} version 1 is champion", {"champion": 1}),
    ]
    wire.cut()
    output = CliRunner().invoke(
        app, ["models", "promote", f"{name}@{second.manifest.version}", "--store", str(tmp_path)]
    )
    assert output.exit_code == 0
    assert f"{wire.url} does not answer: Connection refused; to move it later: fasttrack mlflow send" in output.stdout
    wire.up()
    resume(store, spool)
    with mlflow_client(wire.url) as mlflow:
        assert mlflow.get_model_version_by_alias(name, "champion").version == "2"
    assert Spool(spool).pending_aliases() == []


def test_a_promotion_whose_place_lost_its_password_is_done_and_owes_the_alias(tmp_path: Path) -> None:
    store, name, spool = LocalStore(tmp_path / "model"), new_name(), spool_folder(tmp_path / "model")
    bundle = make_bundle(store, name)
    remember_place(spool, name, Place("http://me:hunter2@127.0.0.1:9"))
    command = ["models", "promote", f"{name}@{bundle.manifest.version}", "--store", str(store.folder)]
    output = CliRunner().invoke(app, command)
    assert output.exit_code == 0
    assert output.stdout.splitlines()[-1] == (
        "MLflow's alias is behind: the password of http://me:***@127.0.0.1:9 is not stored; give the complete address: "
        "--tracking URI, or FASTTRACK_TRACKING; to move it later: fasttrack mlflow send"
    )
    assert store.champion(name) == bundle.manifest.version
    assert Spool(spool).pending_aliases() == [name]


def test_a_promotion_where_mlflow_is_not_installed_is_done_and_owes_the_alias(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, name, spool = LocalStore(tmp_path / "model"), new_name(), spool_folder(tmp_path / "model")
    bundle = make_bundle(store, name)
    remember_place(spool, name, Place("http://127.0.0.1:9"))
    store.point(name, bundle.manifest.version)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda module, *more: None if module == "mlflow" else find(module, *more)
    )
    said = mirror_aliases(store, name)
    assert said is not None
    assert said.startswith("MLflow's alias is behind: the noted address asks for MLflow, which is not installed; ")
    assert Spool(spool).pending_aliases() == [name]


def test_a_champion_that_mlflow_does_not_know_leaves_the_alias(wire: Wire, tmp_path: Path) -> None:
    place, store, name = Place(wire.url), LocalStore(tmp_path), new_name()
    known, unknown = make_bundle(store, name, 2.0), make_bundle(store, name, 3.0)
    store.point(name, known.manifest.version)
    track(place, make_record(place, known), store, spool_folder(tmp_path))
    store.point(name, unknown.manifest.version)
    said = mirror_aliases(store, name)
    expected = f"MLflow at {wire.url} has no version {unknown.manifest.version} of {name}: its alias stays where it is"
    assert said == expected


def test_a_server_that_is_down_costs_no_training(wire: Wire, tmp_path: Path) -> None:
    wire.cut()
    name, store = new_name(), tmp_path / "model"
    command = ["train", str(_flights(tmp_path)), "--target", "arr_delay", "--name", name, "--estimator", "linear"]
    began = time.monotonic()
    output = CliRunner().invoke(app, [*command, "--tracking", wire.url, "--store", str(store)])
    assert output.exit_code == 0
    assert time.monotonic() - began < 60
    version = LocalStore(store).champion(name)
    flat = " ".join(output.stdout.split())
    said = f"not tracked yet: {wire.url} does not answer: Connection refused; the run is on disk; to send it later: "
    assert said + "fasttrack mlflow send" in flat

    status = CliRunner().invoke(app, ["mlflow", "status", "--store", str(store)])
    assert status.stdout.splitlines()[0] == f"{name}@{version}: not yet sent to {wire.url}"
    with pytest.raises(TrackingError, match="does not answer"):
        resume(LocalStore(store), spool_folder(store))
    wire.up()
    for expected in (f"tracked: {name} version 1 (champion), run ", "nothing to send"):
        output = CliRunner().invoke(app, ["mlflow", "send", "--store", str(store)])
        assert output.stdout.startswith(expected)
    with mlflow_client(wire.url) as mlflow:
        assert len(runs_of(mlflow, name)) == 1


@pytest.mark.system
def test_an_upload_killed_anywhere_is_taken_up_and_nothing_is_there_twice(wire: Wire, tmp_path: Path) -> None:
    place, store = Place(wire.url), LocalStore(tmp_path)
    spool = Spool(spool_folder(tmp_path))
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.tracking.uploader", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def send(kill_at: float) -> tuple[int, int]:
        """How it ended, and how many pieces were sent."""
        assert sender.stdin is not None
        assert sender.stdout is not None
        wire.pieces = 0
        known: list[int] = []

        def strike(piece: int) -> None:
            if piece >= kill_at and known:
                os.kill(known[0], signal.SIGKILL)

        wire.heard = strike
        print("go", file=sender.stdin, flush=True)
        known.append(int(sender.stdout.readline()))
        ended = int(sender.stdout.readline())
        wire.heard = lambda piece: None
        return ended, wire.pieces

    def waiting(name: str) -> Any:
        bundle = make_bundle(store, name)
        store.point(name, bundle.manifest.version)
        record = make_record(place, bundle, trials=TRIALS, plots={"residuals": "<svg/>"})
        spool.add(record)
        return bundle

    for _ in range(2):  # the first one also makes what all of them share
        waiting(new_name())
        ended, pieces = send(kill_at=float("inf"))
        assert ended == 0
    assert pieces > 20
    killed = 0
    with mlflow_client(wire.url) as mlflow:
        for share in (0.1, 0.3, 0.5, 0.7, 0.85, 0.95):
            name = new_name()
            bundle = waiting(name)
            ended, _ = send(kill_at=round(share * pieces))
            killed += ended == -signal.SIGKILL
            finished = [run for run in runs_of(mlflow, name) if run.info.run_name == bundle.label]
            registered = mlflow.search_model_versions(f"name = '{name}'")
            if registered:  # then what it leads to is whole
                assert [run.info.status for run in finished] == ["FINISHED"]
            assert send(kill_at=float("inf"))[0] == 0
            runs = runs_of(mlflow, name)
            assert sorted(run.info.run_name for run in runs) == [bundle.label, "trial 0", "trial 1"]
            assert {run.info.status for run in runs} == {"FINISHED", "FAILED"}
            (whole,) = [run for run in runs if run.info.run_name == bundle.label]
            assert len(whole.inputs.dataset_inputs) == 1
            (model,) = mlflow.search_logged_models([whole.info.experiment_id])
            assert model.status == "READY"
            (output,) = mlflow.get_run(whole.info.run_id).outputs.model_outputs
            assert output.model_id == model.model_id
            assert len([metric for metric in model.metrics if metric.key == "rmse"]) == 1
            assert len(mlflow.get_metric_history(whole.info.run_id, "rmse")) == 1
            assert [version.version for version in mlflow.search_model_versions(f"name = '{name}'")] == ["1"]
            assert mlflow.get_model_version_by_alias(name, "champion").run_id == whole.info.run_id
    sender.communicate(timeout=30)
    assert killed >= 5  # near the end there may be fewer pieces than were counted
    assert spool.runs() == []


def test_a_run_whose_bundle_is_gone_is_named(wire: Wire, tmp_path: Path) -> None:
    store, name = LocalStore(tmp_path), new_name()
    place = Place(wire.url)
    make_bundle(store, name, 3.0)
    record = make_record(place, make_bundle(LocalStore(tmp_path / "elsewhere"), name))
    spool = Spool(spool_folder(tmp_path))
    spool.add(record)
    with pytest.raises(StoreError, match="to discard that run, delete ") as caught:
        resume(store, spool.folder)
    assert str(spool.path(record)) in str(caught.value)


def test_a_file_of_sqlite_needs_no_server_and_mlflow_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = (dict(os.environ), logging.getLogger("urllib3").level)
    config = tmp_path / "fasttrack.toml"
    config.write_text(
        f'name = "flights"\n[data]\nsource = "{_flights(tmp_path).name}"\ntarget = "arr_delay"\n'
        '[model]\nestimator = "linear"\n[tracking]\nuri = "sqlite:///mlflow.db"\nexperiment = "delays"\n'
    )
    outcome = train(config, store=tmp_path / "model")
    assert outcome.tracked is not None
    assert outcome.tracked.number == "1"
    assert capfd.readouterr() == ("", "")
    assert (dict(os.environ), logging.getLogger("urllib3").level) == before
    with mlflow_client(_sqlite(tmp_path)) as mlflow:
        (run,) = runs_of(mlflow, "delays")
        files = mlflow.get_model_version_download_uri("flights", "1")
    assert run.info.artifact_uri.startswith(f"{tmp_path}/mlruns/")
    assert files.startswith(f"{tmp_path}/mlruns/")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc as pyfunc

        model = pyfunc.load_model(files)
    row = pd.DataFrame({"dep_delay": [1.0], "carrier": ["AA"]})
    assert model.predict(row) == pytest.approx(outcome.bundle.load_pipeline().predict(row))


def test_a_training_that_gives_a_version_which_is_there_is_tracked_with_its_report(tmp_path: Path) -> None:
    table = _flights(tmp_path)
    options: dict[str, Any] = {
        "name": "flights",
        "store": tmp_path / "model",
        "tracking": _sqlite(tmp_path),
        "promote": "always",
    }
    first = train(table, "arr_delay", estimator="linear", **options)
    train(table, "arr_delay", estimator="forest", **options)
    again = train(table, "arr_delay", estimator="linear", **options)  # its report would compare with the forest
    assert again.manifest == first.manifest
    assert read_report(again.bundle) == read_report(first.bundle)
    assert again.tracked is not None
    assert again.tracked.message.startswith("tracked: flights version 1 (champion), run ")


@pytest.mark.system
def test_a_database_that_refuses_is_said_soon_and_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database at all, but long enough to be read as one" * 100)
    place, store = Place(_sqlite(tmp_path)), LocalStore(tmp_path / "model")
    began = time.monotonic()
    result = track(place, make_record(place, make_bundle(store, "line")), store, spool_folder(tmp_path))
    assert result.message.startswith(f"not tracked yet: {place.uri} failed: ")
    assert "file is not a database" in result.message
    assert time.monotonic() - began < 30
    nobody = Place("http://me:hunter2@127.0.0.1:9/mlflow")
    result = track(nobody, make_record(nobody, make_bundle(store, "line")), store, spool_folder(tmp_path))
    assert result.message.startswith("not tracked yet: http://me:***@127.0.0.1:9/mlflow does not answer: ")
    assert "hunter2" not in result.message
