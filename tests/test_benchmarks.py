"""The benchmarks run, check the predictions that they measure, and write their tables. Speed is not tested."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.contenders import echo_server, fastapi_server, fasttrack_server
from benchmarks.datasets import WIDE_TARGET, write_wide_table
from benchmarks.in_process import measure_in_process
from benchmarks.processors import choose_processors, pin_to_processor
from benchmarks.quality import geometric_means
from benchmarks.results import ResultTable, write_results
from benchmarks.servers import Contender, run_server
from benchmarks.trained_model import PredictionRequest, are_correct, train_model
from benchmarks.workload import QUICK, Bench, run_interleaved
from benchmarks.wrk import require_wrk, run_load
from fasttrack.errors import ConfigError, FastTrackError

if TYPE_CHECKING:
    from benchmarks.trained_model import TrainedModel

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    folder = tmp_path_factory.mktemp("benchmarks")
    return train_model(write_wide_table(6, folder, rows=300), WIDE_TARGET, "linear", folder / "model")


@pytest.mark.system
def test_one_command_measures_everything_and_writes_both_files(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".venv").symlink_to(sys.prefix)
    command = [sys.executable, "-m", "benchmarks", "--quick", "--image", "123000000", "--output", str(tmp_path)]
    command += ["--against", str(checkout)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    tables = json.loads((tmp_path / "results.json").read_text())["tables"]
    assert [table["name"] for table in tables] == [
        "one_row",
        "many_rows",
        "widths",
        "one_text",
        "in_process",
        "footprint",
        "check",
        "monitoring",
        "monitoring_memory",
        "sources",
    ]
    assert all(figure > 0 for table in tables for figures in table["rounds"].values() for figure in figures)
    markdown = (tmp_path / "results.md").read_text()
    for server in (
        "fasttrack serve",
        "fasttrack serve of checkout",
        "FastAPI + joblib + DataFrame",
        "bare ASGI echo (upper limit)",
    ):
        assert f"| {server} |" in markdown


@pytest.mark.system
def test_a_load_of_refused_requests_fails(model: TrainedModel) -> None:
    request = model.requests(1)[0]
    with (
        run_server(fasttrack_server(model), request, choose_processors().server) as server,
        pytest.raises(FastTrackError, match=r"fasttrack serve: of .* requests .* failed"),
    ):
        run_load(server, [b'{"number_0": "not a number"}'], choose_processors().load, connections=1, seconds=1)


def test_the_error_without_wrk_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install wrk"):
        require_wrk()


def test_every_form_of_request_gets_scikit_learns_predictions(model: TrainedModel, tmp_path: Path) -> None:
    single, many = model.requests(40), model.requests(2, rows=7)
    assert any(cell is None for request in single for cell in request.rows[0].values())
    with run_server(fasttrack_server(model), single[0], choose_processors().server) as server:
        server.check(single)
        for form in ("rows", "columns"):
            replace(server, contender=fasttrack_server(model, form=form)).check(many)
    with run_server(fastapi_server(model, tmp_path, flights=False), single[0], choose_processors().server) as server:
        server.check(single)
        replace(server, contender=fastapi_server(model, tmp_path, form="rows", flights=False)).check(many)


def test_a_wrong_prediction_stops_the_benchmark(model: TrainedModel) -> None:
    request = model.requests(1)[0]
    wrong = replace(request, expected=[request.expected[0] * (1 + 1e-7)])
    with (
        pytest.raises(FastTrackError, match=r"fasttrack serve replied .* to request 0, but .* is not measured"),
        run_server(fasttrack_server(model), wrong, choose_processors().server),
    ):
        pass


@pytest.mark.parametrize(
    ("predictions", "verdict"),
    [([1.0, 2.0], True), ([1.0, 2.0 + 1e-9], True), ([1.0, 2.1], False), ([1.0], False), ([1.0, None], False)],
)
def test_predictions_are_correct_to_nine_digits(predictions: list[float | None], verdict: bool) -> None:
    assert are_correct(PredictionRequest([{}, {}], [1.0, 2.0]), predictions) is verdict


def test_the_error_for_a_server_that_stops_has_its_output() -> None:
    def command(port: int) -> list[str]:
        return [sys.executable, "-c", "import sys; sys.exit('no such model')"]

    broken = replace(echo_server(60), name="broken", command=command)
    with (
        pytest.raises(FastTrackError, match="broken stopped during its start: no such model"),
        run_server(broken, PredictionRequest([{}], [0.0]), choose_processors().server),
    ):
        pass


def test_a_server_stays_on_its_processor_and_is_stopped() -> None:
    limit: Contender = echo_server(60)
    request = PredictionRequest([{}], [0.0])
    with run_server(limit, request, choose_processors().server) as server:
        assert os.sched_getaffinity(server.pid) == {choose_processors().server}
        assert len(server.send(request)) == 60
        assert server.pss_bytes() > 1_000_000
        assert server.cpu_seconds() > 0
    assert not Path(f"/proc/{server.pid}").exists()


def test_a_single_processor_is_an_error() -> None:
    with pin_to_processor(choose_processors().server), pytest.raises(ConfigError, match="allow two"):
        choose_processors()


def test_the_graph_and_the_pipeline_are_measured_in_process(model: TrainedModel, tmp_path: Path) -> None:
    table = measure_in_process(Bench(QUICK, choose_processors(), tmp_path), [model])
    (row,) = table.rows
    assert row[0] == "linear (Ridge)"
    assert all(isinstance(cell, float) and cell > 0 for cell in row[1:])


def test_each_interleaved_round_starts_with_another_function() -> None:
    calls: list[str] = []

    def work(name: str) -> float:
        calls.append(name)
        return len(calls)

    results = run_interleaved({name: partial(work, name) for name in ("a", "b", "c")}, 3)
    assert "".join(calls) == "abcbcacab"
    assert results == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


def test_the_table_shows_three_digits_and_the_json_every_round(tmp_path: Path) -> None:
    rows: list[tuple[str | int | float | None, ...]] = [("fast", 18_234.5, 0.034567), ("slow", 999.6, None)]
    table = ResultTable("speed", "Speed", ("server", "a second", "ms"), rows, ("A note.",), {"fast": [1.5, math.pi]})
    write_results([table], {"processor": "one"}, {"rounds": 2}, tmp_path / "results")
    written = (tmp_path / "results" / "results.md").read_text()
    assert (
        "| server | a second | ms |\n| --- | --: | --: |\n| fast | 18,200 | 0.0346 |\n| slow | 1,000 | – |" in written
    )
    assert "(rounds 2) on: processor one." in written
    content = json.loads((tmp_path / "results" / "results.json").read_text())
    assert content["tables"][0]["rounds"] == {"fast": [1.5, math.pi]}


def test_the_quality_of_auto_is_measured_on_rows_that_nobody_saw(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "quality", "--output", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    (table,) = json.loads((tmp_path / "results.json").read_text())["tables"]
    assert table["name"] == "quality"
    for learner in ("auto", "best", "lightgbm", "hist"):
        assert len(table["rounds"][learner]) == 2
        assert all(figure >= 1 for figure in table["rounds"][learner])


def test_errors_are_relative_to_the_least_one_of_each_table() -> None:
    means = geometric_means([{"a": 2.0, "b": 1.0}, {"a": 30.0, "b": 30.0}, {"a": 1.0, "b": 4.0}])
    assert means == pytest.approx({"a": 2 ** (1 / 3), "b": 4 ** (1 / 3)})
