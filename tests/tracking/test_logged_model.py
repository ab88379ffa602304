"""A run shows its model, the registered version leads to it, and its input example is answered."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest

from fasttrack import train
from fasttrack.jobs.pull import pull
from fasttrack.store import LocalStore
from fasttrack.tracking import Place, resume, spool_folder, track
from fasttrack.tracking.spool import Spool
from tests.tracking.runs import files_of, make_bundle, make_record, mlflow_client, new_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fasttrack.jobs.outcome import Outcome
    from tests.servers.mlflow import MlflowServer

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds


def frame(rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(0)
    columns = pd.DataFrame(
        {
            "delay": random.normal(size=rows),
            "stops": random.integers(0, 5, rows),
            "night": random.random(rows) < 0.5,
            "carrier": random.choice(["AA", "größe"], rows),
            "left": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s"),
            "seats": pd.Series(random.integers(0, 300, rows)).where(random.random(rows) < 0.9),
        }
    )
    columns["late"] = np.where(columns["delay"] + columns["stops"] > 2, "yes", "no")
    return columns


@pytest.fixture(scope="module")
def outcome(mlflow_server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    store = tmp_path_factory.mktemp("store")
    return train(frame(), "late", name=new_name(), estimator="linear", store=store, tracking=mlflow_server.url)


def test_a_run_has_a_logged_model_that_its_registered_version_leads_to(
    mlflow_server: MlflowServer, outcome: Outcome
) -> None:
    assert outcome.tracked is not None
    name = outcome.manifest.name
    with mlflow_client(mlflow_server.url) as mlflow:
        run = mlflow.get_run(outcome.tracked.run_id)
        (model,) = mlflow.search_logged_models([run.info.experiment_id])
        assert (model.name, model.status, model.source_run_id) == ("model", "READY", run.info.run_id)
        assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
        assert model.params == {"estimator": "linear"}
        assert model.tags["fasttrack.version"] == outcome.manifest.version
        logged = {metric.key: metric.value for metric in model.metrics}
        assert logged["log_loss"] == outcome.manifest.metrics["log_loss"].value
        version = mlflow.get_model_version_by_alias(name, "champion")
        assert version.source == f"models:/{model.model_id}"
        assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": name, "version": 1}]


def test_a_registry_in_a_database_links_its_versions_too(tmp_path: Path) -> None:
    place, store, name = Place(f"sqlite:///{tmp_path}/mlflow.db"), LocalStore(tmp_path / "model"), new_name()
    record = make_record(place, make_bundle(store, name))
    for _ in range(2):  # sent once more, it is the same
        result = track(place, record, store, spool_folder(store.location))
    with mlflow_client(place.uri) as mlflow:
        (model,) = mlflow.search_logged_models([mlflow.get_run(result.run_id).info.experiment_id])
        assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": name, "version": 1}]


def test_the_input_example_is_the_contract_s_and_is_answered(
    mlflow_server: MlflowServer, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    contract = outcome.manifest.contract
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.models import Model, validate_serving_input
        from mlflow.models.utils import load_serving_example

        uri = f"models:/{outcome.manifest.name}@champion"
        example = Model.load(uri).load_input_example(uri)
        serving = load_serving_example(uri)
        answer = validate_serving_input(uri, serving)
    assert isinstance(example, pd.DataFrame)
    (row,) = example.to_dict("records")
    assert row.pop("left") == pd.Timestamp(str(contract.columns[4].example)).tz_localize(None)
    assert row == {column.name: column.example for column in contract.columns if column.name != "left"}
    assert [str(kind) for kind in example.dtypes[:3]] == ["float64", "int64", "bool"]
    assert answer.shape == (1,)
    assert answer[0] in ("yes", "no")


class _OldServer(BaseHTTPRequestHandler):
    """Hands requests on to a server, but knows no logged models, as MLflow 2."""

    url = ""

    def do_POST(self) -> None:
        if "/logged-models" in self.path:
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: text for name, text in self.headers.items() if name not in ("Host", "Connection")}
        try:
            reply = urlopen(Request(self.url + self.path, body or None, headers, method=self.command), timeout=30)
        except HTTPError as error:
            reply = error
        with reply:
            content = reply.read()
        self.send_response(reply.status or 500)
        self.send_header("Content-Type", reply.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Nothing on the console."""


@contextmanager
def old_server(url: str) -> Iterator[str]:
    handler = type("Handler", (_OldServer,), {"url": url})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(30)


def test_a_server_without_logged_models_gets_the_bundle_as_the_run_s_artifact(
    mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    store, here, name = LocalStore(tmp_path / "there"), LocalStore(tmp_path / "here"), new_name()
    bundle = make_bundle(store, name)
    store.point(name, bundle.manifest.version)
    with old_server(mlflow_server.url) as url:
        place = Place(url)
        result = track(place, make_record(place, bundle), store, spool_folder(store.location))
        assert result.number == "1", result.message
        transfer = pull(place, f"models:/{name}@champion", here).transfer
    assert transfer.version == bundle.manifest.version
    assert dict(files_of(here.open(f"{name}@{transfer.version}").folder)) == dict(files_of(bundle.folder))
    with mlflow_client(mlflow_server.url) as mlflow:
        run = mlflow.get_run(result.run_id)
        assert run.info.status == "FINISHED"
        assert mlflow.get_model_version(name, "1").source == f"{run.info.artifact_uri}/model"


def test_a_run_that_an_older_version_finished_is_registered_as_it_is(tmp_path: Path) -> None:
    """Killed after its run was finished, before its model was registered."""
    place, store, name = Place(f"sqlite:///{tmp_path}/mlflow.db"), LocalStore(tmp_path / "model"), new_name()
    bundle = make_bundle(store, name)
    record = make_record(place, bundle)
    with mlflow_client(place.uri) as mlflow:
        experiment = mlflow.create_experiment(name, str(tmp_path / "mlruns"))
        run = mlflow.create_run(experiment, tags={"fasttrack.run": record.id})
        mlflow.log_artifacts(run.info.run_id, str(bundle.folder), "model")
        mlflow.set_terminated(run.info.run_id, "FINISHED")
    spool = Spool(spool_folder(store.location))
    spool.add(record)
    (result,) = resume(store, spool.folder, place)
    assert result.run_id == run.info.run_id
    transfer = pull(place, f"models:/{name}/1", LocalStore(tmp_path / "here")).transfer
    assert transfer.version == bundle.manifest.version
