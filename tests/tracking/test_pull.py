"""RegisteredVersion versions brought into a store, whole or not at all, and a store that follows an alias."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.errors import BundleError, ConfigError, TrackingError
from fasttrack.jobs.pull import pull
from fasttrack.store import LocalStore, Store
from fasttrack.tracking import Place, spool_folder, track
from tests.integration.real import bare_environment, poll
from tests.tracking.runs import files_of, make_bundle, make_record, mlflow_client, new_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttrack.bundle import Bundle
    from tests.servers.mlflow import Wire


def _registered(place: Place, store: Store, name: str, slope: float) -> Bundle:
    bundle = make_bundle(store, name, slope)
    store.point(name, bundle.manifest.version)
    track(place, make_record(place, bundle), store, spool_folder(store.folder))
    return bundle


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A registry in a file: what is pulled is the same from there."""
    return Place(f"sqlite:///{tmp_path_factory.mktemp('registry')}/mlflow.db")


def test_a_version_comes_whole_once_and_serves_only_when_asked_to(place: Place, tmp_path: Path) -> None:
    name = new_name()
    bundle = _registered(place, LocalStore(tmp_path / "there"), name, 2.0)
    here = LocalStore(tmp_path / "here")
    spec = f"models:/{name}@champion"
    first = pull(place, spec, here)
    assert (first.transfer.downloaded, first.promotion, here.champion(name)) == (True, None, None)
    version = bundle.manifest.version
    assert (first.transfer.name, first.transfer.version, first.transfer.registered.number) == (name, version, "1")
    bundle_here = here.open(f"{name}@{version}")
    assert dict(files_of(bundle_here.folder)) == dict(files_of(bundle.folder))
    again = pull(place, f"models:/{name}/1", here, promote=True)
    assert not again.transfer.downloaded
    assert again.promotion is not None
    assert here.champion(name) == version


def test_what_is_damaged_in_the_store_is_fetched_anew(place: Place, tmp_path: Path) -> None:
    name = new_name()
    bundle = _registered(place, LocalStore(tmp_path / "there"), name, 2.0)
    here = LocalStore(tmp_path / "here")
    transfer = pull(place, f"models:/{name}@champion", here).transfer
    (here.folder / name / transfer.version / "model.joblib").write_bytes(b"rotten")
    assert pull(place, f"models:/{name}@champion", here).transfer.downloaded
    assert here.open(f"{name}@{transfer.version}").read("model.joblib") == bundle.read("model.joblib")


def test_what_was_changed_in_the_registry_never_enters_the_store(place: Place, tmp_path: Path) -> None:
    name = new_name()
    _registered(place, LocalStore(tmp_path / "there"), name, 2.0)
    with mlflow_client(place.uri) as mlflow:
        (Path(mlflow.get_model_version_download_uri(name, "1")) / "model.joblib").write_bytes(b"evil")
    here = LocalStore(tmp_path / "here")
    with pytest.raises(BundleError, match="was changed after it was written"):
        pull(place, f"models:/{name}@champion", here, promote=True)
    assert here.names() == []


@pytest.mark.parametrize(
    ("spec", "error", "said"),
    [
        ("models:/nobody@champion", TrackingError, "MLflow has no alias 'champion' of a model 'nobody'"),
        ("models:/nobody/7", TrackingError, "MLflow has no version 7 of a model 'nobody'"),
        ("models:/nobody", ConfigError, "write models:/NAME@champion or models:/NAME/NUMBER"),
        ("nobody@champion", ConfigError, "names no registered model"),
    ],
)
def test_what_is_not_there_is_said(place: Place, tmp_path: Path, spec: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        pull(place, spec, LocalStore(tmp_path))


def test_a_model_of_another_kind_is_no_bundle(place: Place, tmp_path: Path) -> None:
    name = new_name()
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    with mlflow_client(place.uri) as mlflow:
        experiment_found = mlflow.get_experiment_by_name("other")
        experiment = (
            experiment_found.experiment_id
            if experiment_found
            else mlflow.create_experiment("other", str(tmp_path / "runs"))
        )
        run = mlflow.create_run(experiment)
        mlflow.log_artifact(run.info.run_id, str(tmp_path / "MLmodel"), "model")
        mlflow.create_registered_model(name)
        mlflow.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    with pytest.raises(TrackingError, match=f"{name} version 1 is not a bundle: it has no manifest.json"):
        pull(place, f"models:/{name}/1", LocalStore(tmp_path / "here"))


@contextmanager
def _following(spec: str, place: Place, store: Path, log: Path) -> Iterator[subprocess.Popen[Any]]:
    command: list[str | Path] = [Path(sys.executable).parent / "fasttrack", "mlflow", "follow", spec, "--every", "0.2"]
    command += ["--tracking", place.uri, "--store", str(store)]
    with log.open("wb") as output, subprocess.Popen(command, stderr=output, env=bare_environment()) as started:
        try:
            yield started
        finally:
            started.kill()


def test_a_store_follows_the_alias_through_moves_and_outages(wire: Wire, tmp_path: Path) -> None:
    place, there, here, name = (
        Place(wire.url),
        LocalStore(tmp_path / "there"),
        LocalStore(tmp_path / "here"),
        new_name(),
    )
    log = tmp_path / "log"
    versions = [_registered(place, there, name, 2.0).manifest.version]
    with _following(f"models:/{name}@champion", place, here.folder, log) as follower:

        def serves(version: str) -> None:
            poll(lambda: here.names() and here.champion(name) == version, what=f"{version} in {log}", within_s=90)

        serves(versions[0])
        versions.append(_registered(place, there, name, 3.0).manifest.version)
        serves(versions[1])
        wire.cut()
        poll(lambda: "does not answer" in log.read_text(), what="a warning", within_s=60)
        assert follower.poll() is None
        wire.up()
        with mlflow_client(wire.url) as mlflow:
            mlflow.set_registered_model_alias(name, "champion", "1")
        serves(versions[0])
        poll(lambda: "answers again" in log.read_text(), what="relief", within_s=30)
        began = time.monotonic()
        os.kill(follower.pid, signal.SIGTERM)
        assert follower.wait(30) == 0
        assert time.monotonic() - began < 10
    lines = [line.split(" ", 2)[2] for line in log.read_text().splitlines()]
    assert [line for line in lines if line.startswith("INFO models:/")] == [
        f"INFO models:/{name}@champion is {name} version {number}: {name}@{version} promoted"
        for number, version in zip((1, 2, 1), (*versions, versions[0]), strict=True)
    ]
    assert sum("does not answer" in line for line in lines) <= 2  # said once an outage, not once a look
    assert "Traceback" not in log.read_text()
