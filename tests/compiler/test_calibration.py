"""Calibrated classifiers: every method, with and without an ensemble, and ties between classes."""

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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.budget import budget
from tests.compiler.cases import check_predictor, compile_error, make_target, mixed_table, number_table

METHODS = ["sigmoid", "isotonic", "temperature"]
MEMBERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "margins": make_pipeline(StandardScaler(), LinearSVC(random_state=0)),
    "forest": RandomForestClassifier(8, max_depth=4, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5, early_stopping=False),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("member", ["logistic", "forest", "boosting"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_methods(method: str, member: str, task: Any, ensemble: bool) -> None:
    frame = number_table(150)
    model = CalibratedClassifierCV(MEMBERS[member], method=method, cv=3, ensemble=ensemble)
    check_predictor(model, frame, make_target(frame, task), edges=300)


@pytest.mark.parametrize("method", METHODS)
def test_the_default_estimator(method: str) -> None:
    frame = number_table(120)
    scaled = pd.DataFrame(StandardScaler().fit_transform(frame), columns=frame.columns)
    check_predictor(CalibratedClassifierCV(method=method), scaled, make_target(frame, "multiclass") == "mid")
    check_predictor(CalibratedClassifierCV(method=method, cv=2), scaled.to_numpy(), make_target(frame, "multiclass"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("classes", [2, 3, 9, 17])
def test_ties_go_to_the_first_class(method: str, classes: int) -> None:
    random = np.random.default_rng(classes)
    frame = pd.DataFrame({"a": np.arange(30 * classes) % 7, "b": np.arange(30 * classes) % 3})
    y = random.integers(0, classes, len(frame))
    model = CalibratedClassifierCV(DecisionTreeClassifier(max_depth=3, random_state=0), method=method, cv=4)
    check_predictor(model, frame, y)
    forest = RandomForestClassifier(2, max_depth=2, random_state=0)
    check_predictor(CalibratedClassifierCV(forest, method=method, cv=3), frame, y)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_members_that_saw_fewer_classes(method: str) -> None:
    frame = number_table(90)
    y = np.resize(["a", "b", "c"], 90)
    folds = np.resize([0, 1, 2], 90)  # every fold lacks one class
    folds[:20] = 3
    for kind in ("logistic", "forest"):
        model = CalibratedClassifierCV(MEMBERS[kind], method=method, cv=PredefinedSplit(folds))
        check_predictor(model, frame, y)


def test_temperature_with_members_that_saw_fewer_classes_does_not_compile() -> None:
    frame = number_table(60)
    folds = np.resize([0, 1, 2], 60)
    model = CalibratedClassifierCV(MEMBERS["forest"], method="temperature", cv=PredefinedSplit(folds))
    assert "fewer classes" in compile_error(model, frame, np.resize([0, 1, 2], 60))


@pytest.mark.parametrize("method", METHODS)
def test_weights(method: str) -> None:
    frame = number_table(120)
    weights = {"sample_weight": np.random.default_rng(0).random(120)}
    for member in ("forest", "boosting"):
        for task in ("binary", "multiclass"):
            y = make_target(frame, task)
            check_predictor(CalibratedClassifierCV(MEMBERS[member], method=method, cv=3), frame, y, fit=weights)


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_overflow(method: str) -> None:
    frame = number_table(80)
    model = CalibratedClassifierCV(LogisticRegression(C=1e6), method=method, cv=2)
    frame["a"] *= 1e-3
    case = check_predictor(model, frame[["a"]], make_target(frame, "binary"))
    assert case.refused_rows(np.array([[1e308], [1.0]])).tolist() == [method != "sigmoid", False]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_every_kind_of_column(method: str, task: Any) -> None:
    frame = mixed_table().drop(columns="when missing")
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["text", "text missing"]), (StandardScaler(), ["number", "whole"])
    )
    model = CalibratedClassifierCV(make_pipeline(parts, LogisticRegression()), method=method, cv=3)
    check_predictor(model, frame, make_target(frame, task))
    boosted = CalibratedClassifierCV(MEMBERS["boosting"], method=method, cv=3)
    check_predictor(make_pipeline(parts, boosted), frame, make_target(frame, task))


def test_no_rows_and_one_row() -> None:
    frame = number_table(60)
    for task in ("binary", "multiclass"):
        case = check_predictor(CalibratedClassifierCV(MEMBERS["forest"], cv=3), frame, make_target(frame, task))
        assert len(case.predict(case.matrix[:0])["prediction"]) == 0
        first_row = case.predict(case.matrix[:1])["probabilities"]
        assert first_row.tolist() == case.predict(case.matrix)["probabilities"][:1].tolist()


@settings(max_examples=budget(30), deadline=None, derandomize=True)
@given(
    rows=st.integers(24, 90),
    columns=st.integers(1, 4),
    method=st.sampled_from(METHODS),
    member=st.sampled_from(list(MEMBERS)),
    task=st.sampled_from(["binary", "multiclass"]),
    ensemble=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_any_table(rows: int, columns: int, method: str, member: str, task: Any, ensemble: bool, seed: int) -> None:
    frame = number_table(rows, columns, seed=seed)
    model = CalibratedClassifierCV(MEMBERS[member], method=method, cv=2, ensemble=ensemble)
    check_predictor(model, frame, make_target(frame, task, seed=seed), edges=200, seed=seed)
