"""One-vs-rest and one-vs-one classifiers: the members' scores, their votes, and ties."""

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

from tests.budget import budget
from tests.compiler.cases import check_predictor, compile_error, make_target, mixed_table, number_table

MEMBERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "margins": make_pipeline(StandardScaler(), LinearSVC(random_state=0)),
    "forest": RandomForestClassifier(6, max_depth=4, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5, early_stopping=False),
}
MODELS = {"rest": OneVsRestClassifier, "one": OneVsOneClassifier}


@pytest.mark.parametrize("member", list(MEMBERS))
@pytest.mark.parametrize("strategy", list(MODELS))
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_members(member: str, strategy: str, task: Any) -> None:
    frame = number_table(130)
    y = make_target(frame, task)
    check_predictor(MODELS[strategy](MEMBERS[member]), frame, y, edges=400)
    check_predictor(MODELS[strategy](MEMBERS[member]), frame.to_numpy(), y, edges=400)


@pytest.mark.parametrize("strategy", list(MODELS))
@pytest.mark.parametrize("classes", [2, 3, budget(8, 5)])
def test_ties_go_to_the_first_class(strategy: str, classes: int) -> None:
    random = np.random.default_rng(classes)
    frame = pd.DataFrame({"a": np.arange(20 * classes) % 7, "b": np.arange(20 * classes) % 3})
    y = random.integers(0, classes, len(frame))
    for member in (DecisionTreeClassifier(max_depth=2), RandomForestClassifier(3, max_depth=2, random_state=0)):
        check_predictor(MODELS[strategy](member), frame, y)
        check_predictor(CalibratedClassifierCV(MODELS[strategy](member), method="isotonic", cv=2), frame, y)


@pytest.mark.parametrize("strategy", list(MODELS))
@pytest.mark.parametrize("values", [["no", "yes"], [False, True], [-1, 1], [3, 7, 40], ["b", "a", "ž"]], ids=str)
def test_labels_of_any_type(strategy: str, values: list[Any]) -> None:
    frame = number_table(90)
    y = np.array(values)[np.digitize(frame["a"], frame["a"].quantile([0.4, 0.7])[: len(values) - 1])]
    for member in ("logistic", "forest"):
        check_predictor(MODELS[strategy](MEMBERS[member]), frame, y, edges=300)


def test_regressors_as_members_of_one_vs_rest() -> None:
    frame = number_table(90)
    for task in ("binary", "multiclass"):
        y = make_target(frame, task)
        check_predictor(OneVsRestClassifier(DecisionTreeRegressor(max_depth=3, random_state=0)), frame, y)
        check_predictor(OneVsRestClassifier(make_pipeline(StandardScaler(), LinearRegression())), frame, y)


def test_regressors_as_members_of_one_vs_one_do_not_compile() -> None:
    frame = number_table(60)
    assert "is a regressor" in compile_error(
        OneVsOneClassifier(LinearRegression()), frame, make_target(frame, "multiclass")
    )


def test_several_labels_at_once_do_not_compile() -> None:
    frame = number_table(60)
    label_matrix = np.eye(3, dtype=int)[np.arange(60) % 3]
    assert "several labels" in compile_error(OneVsRestClassifier(MEMBERS["forest"]), frame, label_matrix)


def test_probabilities_that_are_all_zero_stay_zero() -> None:
    for seed in range(5):
        frame = number_table(40, 2, seed=seed)
        y = np.random.default_rng(seed).integers(0, 4, 40)
        case = check_predictor(OneVsRestClassifier(DecisionTreeClassifier(random_state=seed)), frame, y)
        mixed = np.column_stack([case.matrix[:, 0], case.matrix[::-1, 1]])
        assert (case.predict(mixed)["probabilities"].sum(axis=1) == 0).any()


@pytest.mark.parametrize("strategy", list(MODELS))
def test_every_kind_of_column(strategy: str) -> None:
    frame = mixed_table().drop(columns="when missing")
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["text", "text missing"]), (StandardScaler(), ["number", "single"])
    )
    y = make_target(frame, "multiclass")
    check_predictor(make_pipeline(parts, MODELS[strategy](LogisticRegression())), frame, y)
    check_predictor(make_pipeline(parts, MODELS[strategy](MEMBERS["boosting"])), frame, y)
    check_predictor(OneVsRestClassifier(make_pipeline(parts, LogisticRegression())), frame, y)


@pytest.mark.parametrize("strategy", list(MODELS))
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_columns_of_one_dtype(strategy: str, dtype: str) -> None:
    frame = pd.DataFrame({"a": np.arange(80) % 2, "b": np.arange(80) % (2 if dtype == "bool" else 13)}).astype(dtype)
    check_predictor(MODELS[strategy](MEMBERS["forest"]), frame, np.arange(80) % 3)
    check_predictor(
        MODELS[strategy](MEMBERS["boosting"]), frame.assign(c=frame["b"].astype("float64")), np.arange(80) % 3
    )
    if dtype == "float32":
        assert "float32" in compile_error(MODELS[strategy](LogisticRegression()), frame, np.arange(80) % 3)


def test_one_vs_one_converts_its_input_to_a_single_dtype() -> None:
    single = np.random.default_rng(0).normal(size=80).astype(np.float32)
    frame = pd.DataFrame({"a": single, "b": (np.arange(80) % 9).astype(np.int16), "c": np.arange(80) * 0.1})
    member = make_pipeline(make_column_transformer((StandardScaler(), [0, 1])), LogisticRegression())
    check_predictor(OneVsOneClassifier(member), frame, np.arange(80) % 3)
    assert "float32" in compile_error(OneVsOneClassifier(member), frame[["a", "b"]], np.arange(80) % 3)
    second_only = make_pipeline(make_column_transformer((StandardScaler(), [1])), LogisticRegression())
    assert "float32" in compile_error(OneVsOneClassifier(second_only), frame[["a", "b"]], np.arange(80) % 3)


def test_missing_values_if_members_accept_them() -> None:
    frame = number_table(100, missing=0.2)
    y = make_target(frame, "multiclass")
    for strategy in MODELS.values():
        check_predictor(strategy(MEMBERS["boosting"]), frame, y)
        check_predictor(strategy(MEMBERS["forest"]), frame, y)


def test_output_codes_do_not_compile() -> None:
    frame = number_table(60)
    model = OutputCodeClassifier(MEMBERS["logistic"], code_size=3, random_state=0)
    assert "OneVsRestClassifier" in compile_error(model, frame, make_target(frame, "multiclass"))


@settings(max_examples=budget(30), deadline=None, derandomize=True)
@given(
    rows=st.integers(12, 90),
    columns=st.integers(1, 4),
    strategy=st.sampled_from(list(MODELS)),
    member=st.sampled_from(list(MEMBERS)),
    task=st.sampled_from(["binary", "multiclass"]),
    seed=st.integers(0, 2**20),
)
def test_any_table(rows: int, columns: int, strategy: str, member: str, task: Any, seed: int) -> None:
    frame = number_table(rows, columns, seed=seed)
    check_predictor(MODELS[strategy](MEMBERS[member]), frame, make_target(frame, task, seed=seed), edges=200, seed=seed)
