"""The weights of rows in a whole training: fitted, measured, compared, reported, and recorded in the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.neighbors import KNeighborsRegressor

import fasttrack
from fasttrack.errors import DataError, TrainingError
from fasttrack.report import read_report, rebuild
from fasttrack.training.split import split
from tests.cli.commands import run
from tests.jobs.tables import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.jobs import Outcome


def weighted_table(rows: int = 400) -> pd.DataFrame:
    """Half of the rows follow another rule, and weigh next to nothing."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=rows), "z": random.normal(size=rows)})
    counts = np.arange(rows) % 2 == 0
    frame["importance"] = np.where(counts, 2.0, 0.001)
    frame["y"] = np.where(counts, 3 * frame["x"], -3 * frame["x"]) + random.normal(0, 0.5, rows)
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weighted")


@pytest.fixture(scope="module")
def table(folder: Path) -> Path:
    return write_csv(weighted_table(), folder)


@pytest.fixture(scope="module")
def outcome(folder: Path, table: Path) -> Outcome:
    return fasttrack.train(table, "y", estimator="linear", weight="importance", store=folder / "model")


def test_the_column_is_recorded_and_is_no_feature(outcome: Outcome) -> None:
    manifest = outcome.manifest
    assert manifest.training.weight == "importance"
    assert manifest.contract.names == ["x", "z"]
    assert manifest.training.left_out == {"importance": "the weight of the rows"}


def test_the_model_follows_the_rows_that_count_and_is_measured_by_them(outcome: Outcome) -> None:
    pipeline = outcome.bundle.load_pipeline()
    assert pipeline.predict(pd.DataFrame({"x": [1.0], "z": [0.0]}))[0] == pytest.approx(3, abs=0.2)
    frame = weighted_table()
    test = frame.iloc[split(400, method="random", share=0.2, seed=0).test]
    prediction = pipeline.predict(test[["x", "z"]])
    mae = outcome.metrics["mae"]
    assert mae.value == pytest.approx(
        mean_absolute_error(test["y"], prediction, sample_weight=test["importance"]), rel=1e-12
    )
    assert mae.low < mae.value < mae.high < 0.6 < mean_absolute_error(test["y"], prediction)
    unweighted_mean = mean_absolute_error(test["y"], np.full(len(test), frame["y"].mean()))
    assert outcome.manifest.baseline["mae"].value != pytest.approx(unweighted_mean, rel=1e-3)


def test_the_gate_compares_by_the_rows_that_count(outcome: Outcome, folder: Path, table: Path) -> None:
    assert outcome.promoted
    # without weights it follows neither rule, which is worse on the rows that count
    options = {"estimator": Ridge(alpha=1e9), "weight": "importance", "store": folder / "model"}
    worse = fasttrack.train(table, "y", **options)
    assert not worse.promoted
    comparison = worse.verdict.comparison
    assert comparison is not None
    assert comparison.theirs == pytest.approx(outcome.metrics["rmse"].value, rel=1e-9)
    assert comparison.ours == pytest.approx(worse.metrics["rmse"].value, rel=1e-9)


def test_the_report_says_so_and_another_table_is_measured_with_its_weights(outcome: Outcome, folder: Path) -> None:
    assert "weigh each row by importance" in read_report(outcome.bundle)
    other = folder / "other"
    other.mkdir()
    frame = weighted_table(500)
    with_weights = rebuild(outcome.bundle, write_csv(frame, other))
    without = rebuild(outcome.bundle, write_csv(frame.drop(columns="importance"), other))
    assert "weigh each row by importance" in with_weights
    assert "weigh each row by" not in without
    prediction = outcome.bundle.load_pipeline().predict(frame[["x", "z"]])
    for page, weights in ((with_weights, frame["importance"]), (without, None)):
        mae = mean_absolute_error(frame["y"], prediction, sample_weight=weights)
        assert f"the mean absolute error is {mae:.4g}" in page.replace("0.", "0.")
    with pytest.raises(DataError, match="the weight in 'importance' is negative"):
        rebuild(outcome.bundle, write_csv(frame.assign(importance=-1), other))


def test_an_estimator_without_weights_is_refused_before_the_table_is_read(folder: Path) -> None:
    with pytest.raises(TrainingError, match="KNeighborsRegressor takes no sample_weight"):
        fasttrack.train(folder / "absent.csv", "y", estimator=KNeighborsRegressor(), weight="w", store=folder / "model")


def test_the_command_says_in_one_line_what_is_wrong_with_the_weights(folder: Path, tmp_path: Path) -> None:
    write_csv(weighted_table(40).assign(importance=lambda frame: frame["importance"] - 1), tmp_path)
    options = ("--target", "y", "--weight", "importance", "--tracking", "off")
    done = run("train", "table.csv", *options, cwd=tmp_path, code=1)
    assert done.stderr.splitlines()[-1].endswith(
        "table.csv row 2: the weight in 'importance' is negative, as in 20 rows in all; correct the weights, or leave "
        "these rows out"
    )
