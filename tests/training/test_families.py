"""The default pipelines take every kind of column, with holes and surprises, for every task."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fasttrack.contract.learn import learn_columns
from fasttrack.errors import TrainingError
from fasttrack.evaluation import evaluate
from fasttrack.training.calendar import CalendarFeatures
from fasttrack.training.factory import load_factory
from fasttrack.training.families import build
from fasttrack.training.split import split

FAMILIES = ("linear", "polynomial", "boosting", "forest", "extra_trees", "lightgbm", "xgboost")
TASKS = ("regression", "binary", "multiclass")


def table(rows: int = 240, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a number": random.normal(size=rows),
            "0": random.integers(0, 50, rows).astype(float),
            "": random.random(rows) < 0.5,
            "flag": np.where(random.random(rows) < 0.2, np.nan, random.random(rows) < 0.5),
            "few": pd.Series(random.choice(["x", "y", "ž"], rows), dtype="str"),
            "many": pd.Series([f"word {i}" for i in random.integers(0, 90, rows)], dtype="str"),
            "when": pd.Series(
                pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s")
            ).dt.as_unit("us"),
        }
    )
    for j, name in enumerate(["a number", "0", "few", "many", "when"]):
        frame.loc[random.random(rows) < 0.05 * (j + 1), name] = None
    return frame


def answers(frame: pd.DataFrame, task: str) -> Any:
    score = frame["a number"].fillna(0) + (frame["few"] == "x") * 2
    if task == "regression":
        return score.to_numpy()
    return np.digitize(score, [0.5]) if task == "binary" else np.digitize(score, [-0.3, 1.2]).astype(str)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", TASKS)
def test_each_family_learns_from_and_scores_mixed_columns(family: str, task: Any) -> None:
    frame = table()
    y = answers(frame, task)
    columns = learn_columns(frame)
    pipeline = build(family, columns, task, rows=len(frame)).fit(frame, y)
    fresh = table(60, seed=1)
    fresh.loc[:5, "few"] = "never seen"
    fresh.loc[:5, "many"] = "never seen"
    for name in fresh.columns.drop(""):
        fresh.loc[9, name] = None  # next to nothing known
    guess = pipeline.predict(fresh)
    assert len(guess) == 60
    assert len(pipeline.predict(frame.iloc[[3]])) == 1
    found = evaluate(task, answers(frame, task), pipeline.predict(frame)).metrics
    assert found["rmse"].value < 1 if task == "regression" else found["accuracy"].value > 0.8


@pytest.mark.parametrize("family", FAMILIES)
def test_a_column_without_holes_in_training_may_have_them_later(family: str) -> None:
    frame = pd.DataFrame({"a": np.arange(60.0), "c": pd.Series(["u", "v"] * 30, dtype="str")})
    pipeline = build(family, learn_columns(frame), "regression", rows=60).fit(frame, frame["a"])
    holes = pd.DataFrame({"a": [np.nan, 3.0], "c": pd.Series([None, "w"], dtype="str")})
    assert np.isfinite(pipeline.predict(holes)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_penguins_are_told_apart(family: str) -> None:
    path = metadata.distribution("palmerpenguins").locate_file("palmerpenguins/data/penguins.csv")
    frame = pd.read_csv(Path(str(path)))
    y = frame.pop("species").to_numpy()
    parts = split(len(frame), method="random", share=0.25, seed=0, y=y)
    pipeline = build(family, learn_columns(frame), "multiclass", rows=len(parts.train))
    pipeline.fit(frame.iloc[parts.train], y[parts.train])
    assert np.mean(pipeline.predict(frame.iloc[parts.test]) == y[parts.test]) > 0.95


def test_a_family_that_is_none_is_told() -> None:
    with pytest.raises(TrainingError, match="no estimator 'boosted'; choose linear, polynomial, forest, boosting, li"):
        build("boosted", [], "regression", rows=1)


def test_calendar_features_are_the_parts_in_utc() -> None:
    frame = pd.DataFrame({"t": pd.to_datetime(["2024-02-29T23:30:00-02:00", None], utc=True)})
    features = CalendarFeatures().fit(frame)
    assert list(features.get_feature_names_out()) == [
        "t_seconds",
        "t_year",
        "t_month",
        "t_day",
        "t_weekday",
        "t_day_of_year",
        "t_hour",
    ]
    found = features.transform(frame)
    assert found[0].tolist() == [1709256600.0, 2024, 3, 1, 4, 61, 1]
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "nonsense",
            "'nonsense' is not an estimator; choose linear, polynomial, forest, boosting, lightgbm, xgboost, auto or ",
        ),
        ("nowhere:build", "nowhere:build: there is no module 'nowhere' in "),
        ("mine:biuld", "the module mine has no 'biuld'; did you mean build"),
        ("mine:broken", "mine:broken() failed: ValueError: too bad"),
        ("mine:number", "mine:number() returned int, which has no fit and predict"),
        ("mine:VALUE", "mine:VALUE cannot be called"),
        ("needy:build", "needs the module 'not_installed_here', which is not installed"),
        ("faulty:build", "importing faulty failed: SyntaxError"),
    ],
)
def test_a_factory_that_cannot_be_used_is_told(tmp_path: Path, spec: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(
        "VALUE = 3\ndef build():\n    pass\n"
        "def broken():\n    raise ValueError('too bad')\ndef number():\n    return 3\n"
    )
    (tmp_path / "needy.py").write_text("import not_installed_here\n")
    (tmp_path / "faulty.py").write_text("def (:\n")
    with pytest.raises(TrainingError) as caught:
        load_factory(spec, tmp_path)
    assert message in str(caught.value)


def test_a_factory_s_own_source_is_found(tmp_path: Path) -> None:
    (tmp_path / "garage.py").write_text(
        "from sklearn.linear_model import Ridge\ndef build():\n    return Ridge(alpha=3)\n"
    )
    package = tmp_path / "works"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "hall.py").write_text("from sklearn.linear_model import Ridge as build\n")
    before = list(sys.path)
    made = load_factory("garage:build", tmp_path)
    assert made.estimator.alpha == 3
    assert made.source == tmp_path / "garage.py"
    assert load_factory("works.hall:build", tmp_path).source == package
    assert load_factory("sklearn.linear_model:Ridge", tmp_path).source is None
    assert sys.path == before
