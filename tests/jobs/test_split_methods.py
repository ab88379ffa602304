"""Training with a hold-out by groups or by time, and labels that are missing on one side of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pytest

import fasttrack
from fasttrack.config import DataConfig, ModelConfig, SplitConfig, TrainConfig
from fasttrack.errors import DataError, TrainingError
from tests.jobs.tables import write_csv, write_houses

if TYPE_CHECKING:
    from pathlib import Path


def by_time(source: Any, column: str, target: str, store: Path, **options: Any) -> Any:
    config = TrainConfig(
        name="by-time",
        data=DataConfig(source=str(source), target=target),
        split=SplitConfig(method="time", column=column),
        model=ModelConfig(estimator="linear"),
    )
    return fasttrack.train(config, store=store, **options)


def test_a_split_by_time_needs_times(tmp_path: Path) -> None:
    frame = pd.read_csv(write_houses(tmp_path), parse_dates=["built"])
    frame["day"] = frame["built"].dt.strftime("built %m/%d/%Y")
    frame["us day"] = frame["built"].dt.strftime("%m/%d/%Y")
    frame.to_csv(tmp_path / "houses.csv", index=False)
    with pytest.raises(DataError) as caught:
        by_time(tmp_path / "houses.csv", "day", "price", tmp_path / "store")
    assert str(caught.value) == (
        f"{tmp_path}/houses.csv: 'day' is text, which a split by time would sort alphabetically; write its cells as "
        "ISO 8601, such as 2024-03-17 or 2024-03-17T08:30:00Z, or if they already are, read them as times: "
        "--kind day=datetime"
    )
    with pytest.raises(DataError, match="'garden' is of type bool, but a split by time needs times or numbers"):
        by_time(tmp_path / "houses.csv", "garden", "price", tmp_path / "store")
    frame.to_parquet(tmp_path / "houses.parquet")
    for name in ("houses.csv", "houses.parquet"):
        options = {"ignore": ("day",), "promote": "always"}
        assert by_time(tmp_path / name, "us day", "price", tmp_path / "store", **options).verdict.promoted
    by_time(tmp_path / "houses.csv", "rooms", "price", tmp_path / "store")  # numbers have an order


@pytest.mark.parametrize("estimator", ["auto", "linear", "forest", "boosting"])
def test_one_label_in_the_training_part_is_told(tmp_path: Path, estimator: str) -> None:
    frame = pd.DataFrame({"a": np.arange(60.0), "y": 0})
    for row in range(60):  # where the one falls, the seed decides
        frame.loc[:, "y"] = (np.arange(60) == row).astype(int)
        try:
            fasttrack.train(frame, "y", estimator=estimator, promote="never", store=tmp_path / "store")
        except TrainingError as error:
            said = str(error)
            if said.startswith("all 48 training rows"):
                break
            assert estimator == "auto", said
    assert said == (
        "all 48 training rows have the label 0, and the other labels are only in the hold-out (random 20%), so there "
        "is nothing to learn: use more rows of the other labels, or another split"
    )


def test_a_label_that_came_after_the_training_rows_is_one_that_the_model_misses(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"when": np.arange(200), "x": random.normal(size=200)})
    frame["many"] = [f"word {i}" for i in random.integers(0, 60, 200)]
    frame["y"] = np.where(frame["x"] > 0, "high", "low")
    frame.loc[180:, "y"] = "new"
    for estimator in ("linear", "forest", "boosting", "auto"):
        outcome = by_time(write_csv(frame, tmp_path), "when", "y", tmp_path / "store", estimator=estimator)
        assert outcome.manifest.contract.target.classes == ["high", "low"]
        assert outcome.manifest.metrics["accuracy"].value <= 0.5
        assert outcome.manifest.engine == "onnx"


def test_a_search_where_the_first_rows_have_one_label(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"when": np.arange(200), "x": random.normal(size=200)})
    frame["y"] = np.where((frame["x"] > 0) & (frame["when"] > 70), "yes", "no")
    outcome = by_time(write_csv(frame, tmp_path), "when", "y", tmp_path / "store", trials=2)
    assert outcome.search.validation == "2 folds of 160 training rows, by time"
    frame.loc[:150, "y"] = "no"
    with pytest.raises(TrainingError, match="too few for a search"):
        by_time(write_csv(frame, tmp_path), "when", "y", tmp_path / "store", trials=2)


def test_auto_chooses_by_groups_where_the_hold_out_is_one_of_groups(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    frame = pd.DataFrame({"group": groups, "at": random.uniform(-1, 1, 60)[groups], "x": random.normal(size=600)})
    frame["y"] = frame["x"] + random.normal(0, 3, 60)[groups] + random.normal(0, 0.3, 600)
    by_rows = TrainConfig(
        name="shops", data=DataConfig(source=str(write_csv(frame, tmp_path)), target="y", ignore=["group"])
    )
    by_groups = msgspec.structs.replace(by_rows, split=SplitConfig(method="group", column="group"))
    assert fasttrack.train(by_rows, store=tmp_path / "store").manifest.training.estimator != "linear"
    assert fasttrack.train(by_groups, store=tmp_path / "store").manifest.training.estimator == "linear"


def test_dates_to_split_by_are_asked_for_unless_that_is_skipped(tmp_path: Path) -> None:
    frame = pd.read_csv(write_houses(tmp_path))
    frame["day"] = [f"{1 + row % 12}/{1 + row % 7}/20{10 + row % 9}" for row in range(len(frame))]
    frame.to_csv(tmp_path / "houses.csv", index=False)
    options = {"ignore": ("day",), "promote": "always"}
    with pytest.raises(DataError, match="--dates dayfirst"):
        by_time(tmp_path / "houses.csv", "day", "price", tmp_path / "store", **options)
    skipped = {**options, "check_skip": ["FT120"]}
    assert by_time(tmp_path / "houses.csv", "day", "price", tmp_path / "store", **skipped).verdict.promoted
