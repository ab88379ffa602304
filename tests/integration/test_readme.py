"""What the README says is what happens: its commands are run, its replies compared."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import adbc_driver_postgresql.dbapi
import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import fasttrack
from fasttrack.settings import Settings
from tests.integration.real import ROOT, poll, process
from tests.integration.test_examples import served
from tests.servers.ports import free_port
from tests.tracking.runs import new_name

if TYPE_CHECKING:
    from tests.servers.mlflow import MlflowServer
    from tests.servers.object_store import ObjectStore
    from tests.servers.postgres import Postgres

BIN = Path(sys.executable).parent
README = (ROOT / "README.md").read_text()
SHELL = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]
# run by the tests of make, of the locks, of the container, of compose and of the journal, each with what it needs
ELSEWHERE = ("make ", "pip install", "uvicorn ", "docker ", "GRAFANA_ADMIN_PASSWORD=", "fasttrack serve")
DATABASE = "postgresql://me@host/db"
TRACKER = "http://mlflow:5000"
OF_TRACKING = (
    "fasttrack mlflow",
    "mlflow ",
    f"fasttrack train flights.csv --target arr_delay --tracking {TRACKER}",
)
OF_THE_JOURNAL = ("fasttrack feedback", "fasttrack quality", "fasttrack journal", "fasttrack train journal")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after a clone, with a flights.csv of one's own."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("src", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "data/"))
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"dep_delay": random.integers(-10, 90, 300), "origin": random.choice(["JFK", "LGA"], 300)})
    frame["arr_delay"] = frame["dep_delay"] + random.normal(0, 3, 300).round()
    frame.to_csv(folder / "flights.csv", index=False)
    return folder


def run(command: str, folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.usefixtures("s3")
def test_every_command_runs_in_the_order_in_which_it_stands(
    project: Path, bucket: str, object_store: ObjectStore, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.read_csv(project / "flights.csv")
    object_store.client().put_object(Bucket=bucket, Key="flights/year=2013/a.parquet", Body=frame.to_parquet())
    with adbc_driver_postgresql.dbapi.connect(postgres.url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("flights", pa.Table.from_pandas(frame), mode="replace")
        connection.commit()
    monkeypatch.setenv("FASTTRACK_CACHE", str(project / "cache"))
    promoted = "3f2a"
    for line in SHELL:
        command, _, comment = line.partition("  #")
        if not command.strip() or command.startswith(("#", "curl ", *ELSEWHERE, *OF_TRACKING, *OF_THE_JOURNAL)):
            continue
        if "models promote" in command:
            listed = run("fasttrack models list", project)
            version = next(row.split()[-1] for row in re.findall(r"flights\s+\w+", listed))
            command = command.replace(promoted, version[:6])
        if "models rollback" in command:
            run("fasttrack train flights.csv --target arr_delay --estimator linear --promote always", project)
        said = run(command.replace("s3://bucket/", f"s3://{bucket}/").replace(DATABASE, postgres.url), project)
        if command.strip() == "python src/predict.py 10":
            assert said.strip() == comment.strip() == "21.0"


def test_every_request_is_answered_as_it_says(project: Path) -> None:
    run("python src/train.py", project)
    with served(project / "model", "linear") as url:
        asked = 0
        for line, after in zip(SHELL, [*SHELL[1:], ""], strict=True):
            if not line.startswith("curl "):
                continue
            command, _, comment = line.partition("     # ")
            expected = comment or after.removeprefix("# ")
            command = command.replace("localhost:8000", url.removeprefix("http://"))
            reply = subprocess.run([*shlex.split(command), "-sS"], capture_output=True, text=True, check=True).stdout
            # an ellipsis in the README stands for what changes from one training to the next
            pattern = ".*".join(map(re.escape, expected.split("…")))
            assert re.fullmatch(pattern, reply), (expected, reply)
            json.loads(reply)
            asked += 1
        assert asked == 5


PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_training_and_packaging_in_python_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    X = pd.DataFrame({"a": np.arange(20.0)})
    exec(PYTHON[0], {"fitted_pipeline": LinearRegression().fit(X, X["a"]), "X": X, "y": X["a"]})


class Doubler(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """What the README compiles."""

    def fit(self, X: pd.DataFrame, y: Any = None) -> Doubler:
        self.fitted_ = True
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return X * 2.0


def test_a_transformer_of_one_s_own_is_compiled(tmp_path: Path) -> None:
    assert len(PYTHON) == 2
    exec(PYTHON[1], {"Doubler": Doubler})
    X = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
    pipeline = make_pipeline(Doubler(), LinearRegression()).fit(X, X["a"] - X["b"])
    manifest = fasttrack.package(pipeline, X, X["a"] - X["b"], store=tmp_path).manifest
    assert (manifest.engine, manifest.engine_reason) == ("onnx", "")


def test_what_is_said_of_the_journal_works(tmp_path: Path) -> None:
    frame = pd.DataFrame({"dep_delay": np.arange(100.0), "origin": ["JFK", "LGA"] * 50})
    frame["arr_delay"] = frame["dep_delay"] * 2
    frame.to_csv(tmp_path / "flights.csv", index=False)
    run("fasttrack train flights.csv --target arr_delay --estimator linear", tmp_path)
    with served(tmp_path / "model", "flights") as url:
        rows = frame[["dep_delay", "origin"]].to_dict("records")
        ids = httpx.post(f"{url}/predict", json=rows).json()["ids"]
    pd.DataFrame({"prediction_id": ids, "arr_delay": frame["arr_delay"] + 1}).to_csv(tmp_path / "labels.csv")
    told = [run(line.partition("  #")[0], tmp_path) for line in SHELL if line.startswith(OF_THE_JOURNAL)]
    assert len(told) == 5
    feedback, quality, shown, exported, trained = told
    assert feedback == "100 predictions labelled\n"
    for line in (r"predictions +100 +100 +100 +20", r"coverage +100% +100% +100%", r"rmse +1\.\d+ +1\.\d+ +1\.\d+ "):
        assert re.search(rf"^flights@\w+ +{line}", quality, re.MULTILINE), quality
    assert "hold-out" in quality
    assert "100 predictions, 100 labels" in shown
    assert exported == "wrote 100 predictions, 100 of them labelled, to predictions.parquet\n"
    written = pd.read_parquet(tmp_path / "predictions.parquet")
    assert written["prediction_id"].tolist() == ids
    assert written["label"].tolist() == (frame["arr_delay"] + 1).tolist()
    assert written["origin"].tolist() == frame["origin"].tolist()
    assert re.search(r"flights@\w+ .*regression of 'arr_delay', 2 features, 80 training rows", trained), trained


def test_what_is_said_of_tracking_works(
    tmp_path: Path, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    frame = pd.DataFrame({"dep_delay": np.arange(100.0), "origin": ["JFK", "LGA"] * 50})
    frame["arr_delay"] = frame["dep_delay"] * 2
    frame.to_csv(tmp_path / "flights.csv", index=False)
    name = new_name()  # the server is shared with other tests
    lines = [line.partition("  #")[0].strip() for line in SHELL if line.startswith(OF_TRACKING)]
    lines = [line.replace("models:/flights@", f"models:/{name}@").replace(TRACKER, mlflow_server.url) for line in lines]
    trained, resumed, pulled, followed, served_there = lines
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    shutil.copy(tmp_path / "flights.csv", here)
    assert f"{name}@" in run(f"{trained} --name {name} --estimator linear", here)
    assert "nothing" in run(resumed, here)
    assert name in run(pulled, there)
    assert name in run("fasttrack models list", there)
    monkeypatch.chdir(there)
    port = free_port()
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    with (
        process(shlex.split(followed), tmp_path / "follow", env=environment) as follower,
        process(shlex.split(f"{served_there} --port {port}"), tmp_path / "serve", env=environment),
    ):
        poll(lambda: httpx.get(f"http://127.0.0.1:{port}/ping").status_code == 200, what="an answer", within_s=150)
        assert follower.poll() is None


def test_every_setting_and_route_is_told() -> None:
    for name in Settings.__struct_fields__:
        assert f"`FASTTRACK_{name.upper()}`" in README
    for route in (
        "/feedback",
        "/docs",
        "/openapi.json",
        "/model",
        "/contract",
        "/health/live",
        "/health/ready",
        "/metrics",
    ):
        assert f"`{route}`" in README
