"""Random forests: float32 inputs, float64 thresholds, and trees that are added in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.budget import budget
from tests.compiler.cases import check_predictor, make_target, mixed_table, number_table

SMALL: dict[str, Any] = {"n_estimators": 12, "random_state": 0}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"criterion": "absolute_error", "max_depth": 4},
        {"criterion": "poisson"},
        {"max_features": 1, "min_samples_leaf": 5},
        {"bootstrap": False, "max_leaf_nodes": 7},
        {"n_estimators": 1, "max_depth": 1},
        {"ccp_alpha": 0.05, "max_samples": 0.5},
        {"monotonic_cst": [1, 0, -1, 0]},
    ],
    ids=str,
)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_regression(options: dict[str, Any], missing: float) -> None:
    if missing and ("monotonic_cst" in options or options.get("criterion") == "absolute_error"):
        missing = 0.0  # scikit-learn cannot fit these
    frame = number_table(160, missing=missing)
    y = make_target(frame, "regression") + 20
    case = check_predictor(RandomForestRegressor(**(SMALL | options)), frame, y)
    assert case.proof.worst == 0.0
    check_predictor(RandomForestRegressor(**(SMALL | options)), frame.to_numpy(), y)


def test_a_large_forest_is_split_into_several_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = number_table(160, missing=0.15)
    targets = np.column_stack([make_target(frame, "regression"), frame.iloc[:, 0].fillna(3)])
    monkeypatch.setattr("fasttrack.compiler.lowerings.forests._MAX_OPERATOR_NODES", 500)
    parts = {}
    for y in (targets[:, 0], targets):
        forest = RandomForestRegressor(12, random_state=0, max_leaf_nodes=70)
        case = check_predictor(forest, frame, y)
        parts[y.ndim] = case.operators.count("TreeEnsemble")
        assert sum(member.tree_.node_count for member in forest.estimators_) == 12 * 139
    assert parts == {1: 4, 2: 4}
    small = check_predictor(RandomForestRegressor(3, random_state=0, max_depth=3), frame, targets[:, 0])
    assert small.operators.count("TreeEnsemble") == 1


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "options",
    [{}, {"criterion": "entropy"}, {"class_weight": "balanced_subsample"}, {"n_estimators": 2, "max_depth": 2}],
    ids=str,
)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_classes(task: Any, options: dict[str, Any], missing: float) -> None:
    frame = number_table(160, missing=missing)
    y = make_target(frame, task)
    check_predictor(RandomForestClassifier(**(SMALL | options)), frame, y)
    check_predictor(RandomForestClassifier(**(SMALL | options)), frame.to_numpy(), y == y[0])


def test_ties_go_to_the_first_class() -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0] * 20, "b": [0.0, 0.0, 1.0, 1.0] * 10})
    y = np.array(["u", "v", "u", "w"] * 10)
    check_predictor(RandomForestClassifier(n_estimators=2, random_state=3, max_features=1), frame, y)
    check_predictor(RandomForestClassifier(n_estimators=4, random_state=1), pd.DataFrame({"a": np.zeros(40)}), y)


def test_several_targets() -> None:
    frame = number_table(100)
    y = np.column_stack([make_target(frame, "regression"), make_target(frame, "regression", seed=1) * 50])
    check_predictor(RandomForestRegressor(**SMALL), frame, y)


def test_sample_weights() -> None:
    frame = number_table(90)
    weights = {"sample_weight": np.random.default_rng(0).random(90)}
    check_predictor(RandomForestRegressor(**SMALL), frame, make_target(frame, "regression"), fit=weights)
    check_predictor(RandomForestClassifier(**SMALL), frame, make_target(frame, "multiclass"), fit=weights)


def test_numbers_that_float32_rounds_go_to_the_same_side() -> None:
    random = np.random.default_rng(0)
    close = 16_777_216 + random.integers(0, 40, 120) * 0.25  # neighbouring float32 numbers differ by 2 here
    frame = pd.DataFrame({"a": close, "b": random.normal(size=120) * 1e-40, "c": random.normal(size=120) * 1e37})
    check_predictor(RandomForestRegressor(**SMALL), frame, random.normal(size=120))


def test_numbers_beyond_float32_are_refused() -> None:
    frame = number_table(60)
    case = check_predictor(RandomForestRegressor(**SMALL), frame, make_target(frame, "regression"))
    assert [bound.column for bound in case.compiled.input_rules.bounds] == [0, 1, 2, 3]
    row = case.matrix[[0, 0, 0]]
    row[1, 2], row[2, 2] = 3.5e38, -1e300
    assert case.refused_rows(row).tolist() == [False, True, True]


def test_missing_values_are_refused_if_training_had_none() -> None:
    frame = number_table(60, missing=0.2)
    frame["a"] = np.arange(60.0)
    check_predictor(RandomForestRegressor(**SMALL), frame, make_target(frame.fillna(0), "regression"))


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_columns_of_several_dtypes_and_encoded_columns(task: Any) -> None:
    frame = mixed_table().drop(columns="when missing")
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=9), ["text", "text missing"]),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["words"]),
        (StandardScaler(), ["number", "single"]),
        remainder="passthrough",
    )
    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    check_predictor(make_pipeline(parts, kind(**SMALL)), frame, make_target(frame, task))


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "uint8", "Int64"])
def test_columns_of_one_dtype(dtype: str) -> None:
    frame = pd.DataFrame({"a": np.arange(80) % 2, "b": np.arange(80) % (2 if dtype == "bool" else 13)}).astype(dtype)
    check_predictor(RandomForestRegressor(**SMALL), frame, np.arange(80.0))
    if dtype != "Int64":
        check_predictor(RandomForestRegressor(**SMALL), frame.to_numpy(), np.arange(80.0))


@settings(max_examples=budget(25), deadline=None, derandomize=True)
@given(
    rows=st.integers(4, 80),
    columns=st.integers(1, 5),
    missing=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 2**20),
    task=st.sampled_from(["regression", "binary", "multiclass"]),
    trees=st.integers(1, 6),
)
def test_any_table(rows: int, columns: int, missing: float, seed: int, task: Any, trees: int) -> None:
    frame = number_table(rows, columns, missing=missing, seed=seed)
    y = make_target(frame, task, seed=seed)
    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    check_predictor(kind(n_estimators=trees, random_state=seed), frame, y, edges=300, seed=seed)
