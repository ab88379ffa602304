"""`auto` takes the family that cross-validation favours, on folds like the hold-out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fasttrack.contract.learn import learn_columns
from fasttrack.errors import TrainingError
from fasttrack.training.choose import choose
from fasttrack.training.families import FAMILIES


def test_auto_takes_the_better_family_and_the_simpler_of_equals() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.uniform(-3, 3, 600), "b": random.uniform(-3, 3, 600)})
    columns = learn_columns(frame)
    straight = (2 * frame["a"] - frame["b"] + random.normal(0, 0.1, 600)).to_numpy()
    assert choose(columns, "regression", frame, straight).name == "linear"
    bent = (np.sin(3 * frame["a"]) * (frame["b"] > 0) + random.normal(0, 0.05, 600)).to_numpy()
    choice = choose(columns, "regression", frame, bent)
    assert choice.name in ("boosting", "forest")
    scores = {standing.name: standing.score for standing in choice.leaderboard.standings}
    assert set(scores) == set(FAMILIES)
    assert scores["linear"] > scores[choice.name]


def test_auto_compares_on_groups_that_were_not_fitted_on() -> None:
    """Each group has a level of its own, which the columns tell by heart and say nothing of for another group."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    at = random.uniform(-1, 1, 60)
    frame = pd.DataFrame({"at": at[groups], "x": random.normal(size=600)})
    y = frame["x"].to_numpy() + random.normal(0, 3, 60)[groups] + random.normal(0, 0.3, 600)
    columns = learn_columns(frame)
    by_rows = choose(columns, "regression", frame, y)
    by_groups = choose(columns, "regression", frame, y, method="group", by=groups)
    assert by_rows.name != "linear"
    assert by_groups.name == "linear"
    forests = [
        standing.score
        for choice in (by_rows, by_groups)
        for standing in choice.leaderboard.standings
        if standing.name == "forest"
    ]
    assert forests[1] > 2 * forests[0]


def test_auto_leaves_out_what_has_one_label_to_fit_on_and_tells_when_nothing_is_left() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=200)})
    y = np.where(np.arange(200) < 80, 0, frame["a"] > 0).astype(int)
    columns = learn_columns(frame)
    assert choose(columns, "binary", frame, y, method="time", by=np.arange(200)).name in FAMILIES
    with pytest.raises(TrainingError) as caught:
        choose(columns, "binary", frame, (np.arange(200) == 199).astype(int), method="time", by=np.arange(200))
    assert str(caught.value) == (
        "auto compares by cross-validation, but the 200 training rows are too few, or have too few of a label, to be "
        "split by time; choose an estimator: --estimator linear, boosting or forest"
    )


def test_a_family_that_cannot_be_fitted_is_told_in_one_line() -> None:
    frame = pd.DataFrame({"a": [*np.arange(30.0), np.inf]})
    columns = learn_columns(frame.iloc[:30])
    with pytest.raises(
        TrainingError, match=r"^linear cannot be fitted on these columns: ValueError: [^\n]*--ignore the"
    ):
        choose(columns, "regression", frame, np.arange(31.0))


def test_auto_needs_some_rows_of_each_class() -> None:
    frame = pd.DataFrame({"a": np.arange(30.0)})
    y = np.array(["common"] * 28 + ["rare"] * 2)
    with pytest.raises(TrainingError, match="a class has only 2 rows; choose an estimator"):
        choose(learn_columns(frame), "binary", frame, y)
