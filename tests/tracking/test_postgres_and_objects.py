"""The registry as teams keep it: MLflow's server on PostgreSQL, files in an object store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fasttrack.jobs.pull import pull
from fasttrack.store import LocalStore
from fasttrack.tracking import Place, spool_folder, track
from tests.servers.mlflow import MlflowServer
from tests.servers.postgres import Postgres
from tests.tracking.runs import files_of, make_bundle, make_record, mlflow_client, new_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.object_store import ObjectStore

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    started = Postgres()
    yield started
    started.close()


@pytest.fixture
def server(database: Postgres, object_store: ObjectStore, bucket: str) -> Iterator[MlflowServer]:
    backend = database.url.replace("postgresql://", "postgresql+psycopg://")
    env = {**object_store.environment, "MLFLOW_S3_ENDPOINT_URL": object_store.endpoint}
    made_server = MlflowServer(backend, f"s3://{bucket}/artifacts", env)
    try:
        yield made_server.wait()
    finally:
        made_server.close()


def test_a_run_its_files_and_its_version_go_there_and_come_back(
    server: MlflowServer, object_store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    place, store, name = Place(server.url), LocalStore(tmp_path / "there"), new_name()
    bundle = make_bundle(store, name, others={"report.html": b"<p>report</p>"})
    store.point(name, bundle.manifest.version)
    result = track(place, make_record(place, bundle), store, spool_folder(store.folder))
    assert result.number == "1"
    held = object_store.client().list_objects_v2(Bucket=bucket, Prefix="artifacts/")["Contents"]
    stored = {entry["Key"].rpartition("/artifacts/")[2] for entry in held}
    assert {"report.html", "MLmodel", "manifest.json", "model.joblib"} <= stored
    here = LocalStore(tmp_path / "here")
    pulled = pull(place, f"models:/{name}@champion", here, promote=True)
    bundle_here = here.open(name)
    assert pulled.transfer.version == bundle.manifest.version
    assert dict(files_of(bundle_here.folder)) == dict(files_of(bundle.folder))
    with mlflow_client(server.url) as mlflow:
        assert mlflow.get_run(result.run_id).data.metrics["rmse.high"] == 1.5


def test_a_database_that_does_not_know_the_name_is_said_soon_without_the_password(
    database: Postgres, tmp_path: Path
) -> None:
    nowhere = database.url.replace("tester@", "tester:hunter2@").replace("/postgres", "/nowhere")
    place, store = Place(nowhere.replace("postgresql:", "postgresql+psycopg:")), LocalStore(tmp_path)
    began = time.monotonic()
    result = track(place, make_record(place, make_bundle(store, "line")), store, spool_folder(tmp_path))
    assert result.message.startswith("not tracked yet: postgresql+psycopg://tester:***@127.0.0.1:")
    assert 'database "nowhere" does not exist' in result.message
    assert "hunter2" not in result.message
    assert time.monotonic() - began < 60  # by itself, MLflow tries for 100 s
