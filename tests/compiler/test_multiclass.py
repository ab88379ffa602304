"""One against the rest, one against one, codes: the scores of members, their votes, and ties between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.compiler.cases import check, labels, mixed_table, numbers, refusal

MEMBERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "margins": make_pipeline(StandardScaler(), LinearSVC(random_state=0)),
    "forest": RandomForestClassifier(6, max_depth=4, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5, early_stopping=False),
}
WAYS = {"rest": OneVsRestClassifier, "one": OneVsOneClassifier}


@pytest.mark.parametrize("member", list(MEMBERS))
@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_members(member: str, way: str, task: Any) -> None:
    frame = numbers(130)
    y = labels(frame, task)
    check(WAYS[way](MEMBERS[member]), frame, y, edges=400)
    check(WAYS[way](MEMBERS[member]), frame.to_numpy(), y, edges=400)


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("classes", [2, 3, 8])
def test_ties_go_to_the_first(way: str, classes: int) -> None:
    random = np.random.default_rng(classes)
    frame = pd.DataFrame({"a": np.arange(20 * classes) % 7, "b": np.arange(20 * classes) % 3})
    y = random.integers(0, classes, len(frame))
    for member in (DecisionTreeClassifier(max_depth=2), RandomForestClassifier(3, max_depth=2, random_state=0)):
        check(WAYS[way](member), frame, y)
        check(CalibratedClassifierCV(WAYS[way](member), method="isotonic", cv=2), frame, y)


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("values", [["no", "yes"], [False, True], [-1, 1], [3, 7, 40], ["b", "a", "ž"]], ids=str)
def test_labels_of_any_type(way: str, values: list[Any]) -> None:
    frame = numbers(90)
    y = np.array(values)[np.digitize(frame["a"], frame["a"].quantile([0.4, 0.7])[: len(values) - 1])]
    for member in ("logistic", "forest"):
        check(WAYS[way](MEMBERS[member]), frame, y, edges=300)


def test_regressors_against_the_rest() -> None:
    frame = numbers(90)
    for task in ("binary", "multiclass"):
        y = labels(frame, task)
        check(OneVsRestClassifier(DecisionTreeRegressor(max_depth=3, random_state=0)), frame, y)
        check(OneVsRestClassifier(make_pipeline(StandardScaler(), LinearRegression())), frame, y)


def test_regressors_against_one_another_are_left_to_scikit_learn() -> None:
    frame = numbers(60)
    assert "is a regressor" in refusal(OneVsOneClassifier(LinearRegression()), frame, labels(frame, "multiclass"))


def test_several_labels_at_once_are_left_to_scikit_learn() -> None:
    frame = numbers(60)
    several = np.eye(3, dtype=int)[np.arange(60) % 3]
    assert "several labels" in refusal(OneVsRestClassifier(MEMBERS["forest"]), frame, several)


def test_shares_that_are_all_zero_stay_so() -> None:
    for seed in range(5):
        frame = numbers(40, 2, seed=seed)
        y = np.random.default_rng(seed).integers(0, 4, 40)
        case = check(OneVsRestClassifier(DecisionTreeClassifier(random_state=seed)), frame, y)
        mixed = np.column_stack([case.matrix[:, 0], case.matrix[::-1, 1]])
        assert (case.predict(mixed)["probabilities"].sum(axis=1) == 0).any()


@pytest.mark.parametrize("way", list(WAYS))
def test_every_kind_of_column(way: str) -> None:
    frame = mixed_table().drop(columns="when missing")
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["text", "text missing"]), (StandardScaler(), ["number", "single"])
    )
    y = labels(frame, "multiclass")
    check(make_pipeline(parts, WAYS[way](LogisticRegression())), frame, y)
    check(make_pipeline(parts, WAYS[way](MEMBERS["boosting"])), frame, y)
    check(OneVsRestClassifier(make_pipeline(parts, LogisticRegression())), frame, y)


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_columns_of_one_dtype(way: str, dtype: str) -> None:
    frame = pd.DataFrame({"a": np.arange(80) % 2, "b": np.arange(80) % (2 if dtype == "bool" else 13)}).astype(dtype)
    check(WAYS[way](MEMBERS["forest"]), frame, np.arange(80) % 3)
    check(WAYS[way](MEMBERS["boosting"]), frame.assign(c=frame["b"].astype("float64")), np.arange(80) % 3)
    if dtype == "float32":
        assert "float32" in refusal(WAYS[way](LogisticRegression()), frame, np.arange(80) % 3)


def test_pairs_see_one_array_of_one_dtype() -> None:
    single = np.random.default_rng(0).normal(size=80).astype(np.float32)
    frame = pd.DataFrame({"a": single, "b": (np.arange(80) % 9).astype(np.int16), "c": np.arange(80) * 0.1})
    member = make_pipeline(make_column_transformer((StandardScaler(), [0, 1])), LogisticRegression())
    check(OneVsOneClassifier(member), frame, np.arange(80) % 3)
    assert "float32" in refusal(OneVsOneClassifier(member), frame[["a", "b"]], np.arange(80) % 3)
    lone = make_pipeline(make_column_transformer((StandardScaler(), [1])), LogisticRegression())
    assert "float32" in refusal(OneVsOneClassifier(lone), frame[["a", "b"]], np.arange(80) % 3)


def test_missing_values_where_members_take_them() -> None:
    frame = numbers(100, missing=0.2)
    y = labels(frame, "multiclass")
    for way in WAYS.values():
        check(way(MEMBERS["boosting"]), frame, y)
        check(way(MEMBERS["forest"]), frame, y)


def test_codes_that_rounding_tells_apart_are_left_to_scikit_learn() -> None:
    frame = numbers(60)
    model = OutputCodeClassifier(MEMBERS["logistic"], code_size=3, random_state=0)
    assert "OneVsRestClassifier" in refusal(model, frame, labels(frame, "multiclass"))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    rows=st.integers(12, 90),
    columns=st.integers(1, 4),
    way=st.sampled_from(list(WAYS)),
    member=st.sampled_from(list(MEMBERS)),
    task=st.sampled_from(["binary", "multiclass"]),
    seed=st.integers(0, 2**20),
)
def test_any_table(rows: int, columns: int, way: str, member: str, task: Any, seed: int) -> None:
    frame = numbers(rows, columns, seed=seed)
    check(WAYS[way](MEMBERS[member]), frame, labels(frame, task, seed=seed), edges=200, seed=seed)
