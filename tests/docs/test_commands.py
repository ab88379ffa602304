"""What the README and the guides say is what happens: their commands are run, their replies compared."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import adbc_driver_postgresql.dbapi
import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.docs.pages import BIN, README, ROOT, blocks, page, run, shell_lines
from tests.integration.real import poll, process
from tests.integration.test_examples import served
from tests.servers.ports import free_port
from tests.tracking.runs import new_name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mlflow import MlflowServer
    from tests.servers.object_store import ObjectStore
    from tests.servers.postgres import Postgres

# run by the tests of make, the locks, the wheel, the container, Compose, the examples and the servers
ELSEWHERE = (
    "make ",
    "pip install",
    "uvicorn ",
    "docker ",
    "GRAFANA_ADMIN_PASSWORD=",
    "FASTTRACK_GUARDS=",
    "fasttrack serve",
    "python examples/",
    "curl ",
    "#",
)
DATABASE = "postgresql://me@host/db"
TRACKER = "http://mlflow:5000"
OF_THE_JOURNAL = ("fasttrack feedback", "fasttrack quality", "fasttrack journal", "fasttrack train journal")
GUIDES = (
    "README",
    "howto/train",
    "howto/check",
    "howto/search",
    "howto/sources",
    "howto/notations",
    "howto/versions",
    "howto/monitor",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after a clone, with a flights.csv of one's own."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("src", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "data/"))
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"dep_delay": random.integers(-10, 90, 300), "origin": random.choice(["JFK", "LGA"], 300)})
    prices = [f"€{random.integers(1000, 9000):,},50".replace(",", ".", 1) for _ in range(60)]
    days = [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2023" for i in range(60)]
    sales = {
        "price": prices,
        "day": days,
        "zip": [f"0{1000 + i % 7}" for i in range(60)],
        "size": [*range(59), "unknown"],
    }
    margins = [f"{value:.1f}%" for value in random.normal(20, 5, 60)]
    pd.DataFrame({**sales, "margin": margins}).to_csv(folder / "sales.csv", index=False)
    survey = pd.DataFrame({"rooms": random.integers(1, 9, 80), "households": random.integers(1, 5, 80)})
    survey["income"] = survey["rooms"] * 10 + random.normal(0, 3, 80).round(2)
    survey.to_csv(folder / "survey.csv", index=False)
    frame["arr_delay"] = frame["dep_delay"] + random.normal(0, 3, 300).round()
    frame.to_csv(folder / "flights.csv", index=False)
    return folder


@pytest.mark.system
@pytest.mark.usefixtures("s3")
def test_every_command_runs_in_the_order_of_the_guides(
    project: Path, bucket: str, object_store: ObjectStore, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.read_csv(project / "flights.csv")
    object_store.client().put_object(Bucket=bucket, Key="flights/year=2013/a.parquet", Body=frame.to_parquet())
    with adbc_driver_postgresql.dbapi.connect(postgres.url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("flights", pa.Table.from_pandas(frame), mode="replace")
        connection.commit()
    monkeypatch.setenv("FASTTRACK_CACHE", str(project / "cache"))
    done: set[str] = set()
    for line in (line for guide in GUIDES for line in shell_lines(page(guide))):
        command, _, comment = line.partition("  #")
        command = command.strip()
        if not command or command in done or command.startswith((*ELSEWHERE, *OF_THE_JOURNAL)):
            continue
        done.add(command)
        if "models promote" in command:
            listed = run("fasttrack models list", project)
            version = next(row.split()[-1] for row in re.findall(r"flights\s+\w+", listed))
            command = command.replace("3f2a", version[:6])
        if "models rollback" in command:
            run("fasttrack train flights.csv --target arr_delay --estimator linear --promote always", project)
        command = command.replace("--search-seconds 120", "--search-seconds 1 --estimator linear")
        command = command.replace("--quality-seconds 120", "--quality-seconds 1")
        output = run(command.replace("s3://bucket/", f"s3://{bucket}/").replace(DATABASE, postgres.url), project)
        if command == "python src/predict.py 10":
            assert output.strip() == comment.strip() == "21.0"
    assert len(done) >= 20


def test_every_request_of_the_readme_is_answered_as_it_says(project: Path) -> None:
    run("python src/train.py", project)
    lines = shell_lines(README)
    with served(project / "model", "linear") as url:
        requests = 0
        for line, after in zip(lines, [*lines[1:], ""], strict=True):
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
            requests += 1
        assert requests == 5


def test_the_tutorial_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page("tutorial")
    monkeypatch.chdir(tmp_path)
    (table,) = blocks(text, "python")
    exec(table, {})
    lines = [line.strip() for line in shell_lines(text)]
    train, report, again, listing, monitor = (
        next(line for line in lines if line.startswith(start))
        for start in (
            "fasttrack train deliveries.csv --target minutes",
            "fasttrack report",
            "fasttrack train deliveries.csv --target minutes --estimator boosting",
            "fasttrack models list",
            "fasttrack monitor build",
        )
    )
    output = run(train, tmp_path)
    assert "compiled: " in output
    assert "promoted: there was no champion" in output
    assert "trivial baseline" in output
    run(report, tmp_path)
    with served(tmp_path / "model", "deliveries") as url:
        asked = next(line for line in lines if "/predict" in line)
        command = shlex.split(asked.replace("localhost:8000", url.removeprefix("http://")))
        reply = json.loads(subprocess.run([*command, "-sS"], capture_output=True, check=True).stdout)
        labelled = next(line for line in lines if "/feedback" in line).replace("ID-OF-THE-REPLY", reply["id"])
        command = shlex.split(labelled.replace("localhost:8000", url.removeprefix("http://")))
        assert json.loads(subprocess.run([*command, "-sS"], capture_output=True, check=True).stdout)
    assert re.search(r"labelled +1 +1 +1 ", run("fasttrack quality", tmp_path))
    run(again, tmp_path)
    assert "deliveries" in run(listing, tmp_path)
    run(monitor, tmp_path)
    assert (tmp_path / "monitoring" / "runbooks.md").exists()


@pytest.mark.system
def test_the_guide_to_labels_works(tmp_path: Path) -> None:
    frame = pd.DataFrame({"dep_delay": np.arange(100.0) / 4, "origin": ["JFK", "LGA"] * 50})
    frame["arr_delay"] = frame["dep_delay"] * 2
    frame.to_csv(tmp_path / "flights.csv", index=False)
    run("fasttrack train flights.csv --target arr_delay --estimator linear", tmp_path)
    with served(tmp_path / "model", "flights") as url:
        rows = frame[["dep_delay", "origin"]].to_dict("records")
        ids = httpx.post(f"{url}/predict", json=rows).json()["ids"]
    pd.DataFrame({"prediction_id": ids, "arr_delay": frame["arr_delay"] + 1}).to_csv(tmp_path / "labels.csv")
    lines = [line for line in shell_lines(page("howto/labels")) if line.startswith(OF_THE_JOURNAL)]
    feedback, quality, shown, exported, trained = [run(line.partition("  #")[0], tmp_path) for line in lines]
    assert feedback == "100 predictions labelled\n"
    assert re.search(r"coverage +100% +100% +100%", quality), quality
    assert re.search(r"rmse +1\.\d+ +1\.\d+ +1\.\d+ +0\.\d+ ", quality), quality
    assert "hold-out" in quality
    assert "100 predictions, 100 labels" in shown
    assert exported == "wrote 100 predictions, 100 of them labelled, to predictions.parquet\n"
    written = pd.read_parquet(tmp_path / "predictions.parquet")
    assert written["prediction_id"].tolist() == ids
    assert written["label"].tolist() == (frame["arr_delay"] + 1).tolist()
    assert written["origin"].tolist() == frame["origin"].tolist()
    assert re.search(r"flights@\w+ .*regression of 'arr_delay', 2 features, 80 training rows", trained), trained


@pytest.mark.system
def test_the_guide_to_mlflow_works(
    tmp_path: Path, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    frame = pd.DataFrame({"dep_delay": np.arange(100.0) / 4, "origin": ["JFK", "LGA"] * 50})
    frame["arr_delay"] = frame["dep_delay"] * 2
    frame.to_csv(tmp_path / "flights.csv", index=False)
    name = new_name()  # the server is shared with other tests
    lines = [line.partition("  #")[0].strip() for line in shell_lines(page("howto/mlflow"))]
    lines = [line.replace("models:/flights@", f"models:/{name}@").replace(TRACKER, mlflow_server.url) for line in lines]
    trained, waiting, sent, pulled, followed, served_there = lines
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    shutil.copy(tmp_path / "flights.csv", here)
    assert f"{name}@" in run(f"{trained} --name {name} --estimator linear", here)
    assert "nothing" in run(waiting, here)
    assert "nothing" in run(sent, here)
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
