"""Histogram gradient boosting: every loss, native categories, missing values, and the options of its trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn._loss import HalfTweedieLoss, HalfTweedieLossIdentity
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.budget import budget
from tests.compiler.cases import check_predictor, make_target, mixed_table, number_table

SMALL: dict[str, Any] = {"max_iter": 12, "min_samples_leaf": 3, "early_stopping": False, "random_state": 0}


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "squared_error"},
        {"loss": "absolute_error"},
        {"loss": "gamma"},
        {"loss": "poisson"},
        {"loss": "quantile", "quantile": 0.9},
        {"max_depth": 2, "l2_regularization": 3.0, "max_features": 0.5},
        {"monotonic_cst": [1, -1, 0, 1]},
        {"interaction_cst": [{0, 1}, {2, 3}]},
        {"interaction_cst": "no_interactions", "max_leaf_nodes": 5},
        {"max_bins": 4, "learning_rate": 1.0},
        {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 60},
        {"max_iter": 1, "max_leaf_nodes": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_regression(options: dict[str, Any], missing: float) -> None:
    frame = number_table(200, missing=missing)
    y = make_target(frame, "regression")
    y = np.exp(y / 4) if options.get("loss") in ("gamma", "poisson") else y
    case = check_predictor(HistGradientBoostingRegressor(**(SMALL | options)), frame, y)
    assert case.operators.count("TreeEnsemble") == 1
    check_predictor(HistGradientBoostingRegressor(**(SMALL | options)), frame.to_numpy(), y)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "options", [{}, {"class_weight": "balanced"}, {"max_iter": 1}, {"early_stopping": True}], ids=str
)
def test_classes(task: Any, options: dict[str, Any]) -> None:
    frame = number_table(200, missing=0.1)
    y = make_target(frame, task)
    check_predictor(HistGradientBoostingClassifier(**(SMALL | options)), frame, y)
    names = np.unique(y)
    for classes in (names == names, np.array(["b", "a", "c"])[: len(names)], np.array([7, -3, 0])[: len(names)]):
        if len(set(classes)) == len(names):
            check_predictor(HistGradientBoostingClassifier(**SMALL), frame, classes[np.searchsorted(names, y)])
    if task == "binary":
        check_predictor(HistGradientBoostingClassifier(**SMALL), frame, y.astype(bool))


def test_sample_weights() -> None:
    frame = number_table(150, missing=0.1)
    weights = {"sample_weight": np.random.default_rng(0).random(150)}
    check_predictor(HistGradientBoostingRegressor(**SMALL), frame, make_target(frame, "regression"), fit=weights)
    check_predictor(HistGradientBoostingClassifier(**SMALL), frame, make_target(frame, "multiclass"), fit=weights)


def categories(rows: int = 240) -> pd.DataFrame:
    random = np.random.default_rng(4)
    words = pd.Categorical([f"w{i}" for i in random.integers(0, 40, rows)])
    frame = pd.DataFrame(
        {
            "number": random.normal(size=rows).round(2),
            "text": pd.Categorical(
                random.choice(np.array(["a", "b", "c", None]), rows), categories=["c", "a", "b", "unused"]
            ),
            "words": words,
            "year": pd.Categorical(random.choice([1999, 2005, 2013], rows)),
            "code": random.integers(0, 9, rows),
            "flag": random.random(rows) < 0.5,
        }
    )
    frame["target"] = frame["number"] + words.codes % 5 * 2.0 + (frame["code"] % 3) * 1.5 + frame["text"].cat.codes
    return frame


@pytest.mark.parametrize(
    "columns",
    ["from_dtype", ["text", "words", "year"], ["code", "text", "words", "year", "flag"], [4, 1, 2, 3]],
    ids=str,
)
def test_native_categories(columns: Any) -> None:
    frame = categories()
    y = frame.pop("target")
    case = check_predictor(HistGradientBoostingRegressor(categorical_features=columns, **SMALL), frame, y)
    assert case.contract.columns[1].categories == ["c", "a", "b", "unused"]
    y = (y > y.median()).to_numpy()
    check_predictor(HistGradientBoostingClassifier(categorical_features=columns, **SMALL), frame, y)


def test_native_categories_of_an_array() -> None:
    frame = categories()
    y = frame.pop("target")
    X = frame[["number", "code", "flag"]].assign(words=frame["words"].cat.codes).to_numpy(dtype=float)
    X[::11, 3] = np.nan
    X[::13, 1] = np.nan
    for columns in ([1, 3], [False, True, True, True], [3]):
        check_predictor(HistGradientBoostingRegressor(categorical_features=columns, **SMALL), X, y)


def test_native_categories_after_an_encoder() -> None:
    frame = mixed_table()
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    parts = make_column_transformer((codes, ["words", "text", "text missing"]), remainder="drop")
    numbers_too = make_column_transformer(
        (codes, ["words", "text missing"]), (SimpleImputer(), ["number missing"]), ("passthrough", ["whole", "flag"])
    )
    y = make_target(frame, "regression") + frame["words"].str.len()
    check_predictor(
        make_pipeline(parts, HistGradientBoostingRegressor(categorical_features=[0, 1, 2], **SMALL)), frame, y
    )
    check_predictor(
        make_pipeline(numbers_too, HistGradientBoostingRegressor(categorical_features=[0], **SMALL)), frame, y
    )
    check_predictor(
        make_pipeline(numbers_too, HistGradientBoostingClassifier(categorical_features=[0, 1], **SMALL)),
        frame,
        make_target(frame, "multiclass"),
    )


def test_one_hot_and_scaling_are_fused_into_one_operator() -> None:
    frame = mixed_table()
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["text", "text missing"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["number", "number missing"]),
        remainder="drop",
    )
    case = check_predictor(
        make_pipeline(parts, HistGradientBoostingRegressor(**SMALL)),
        frame[["number", "number missing", "text", "text missing"]],
        make_target(frame, "regression"),
    )
    assert [name for name in case.operators if name != "Identity"] == ["TreeEnsemble", "Squeeze"]


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool", "Int64", "Float64"])
def test_columns_of_other_dtypes(dtype: str) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"a": random.integers(0, 2 if dtype == "bool" else 90, 120), "b": random.integers(0, 2, 120)})
    frame = frame.astype(dtype)
    if dtype[0].isupper():
        frame = frame.mask(random.random(frame.shape) < 0.2)
    y = random.normal(size=120)
    check_predictor(HistGradientBoostingRegressor(**SMALL), frame, y)
    mixed = frame.assign(c=random.normal(size=120))
    check_predictor(HistGradientBoostingRegressor(**SMALL), mixed, y)


def test_a_single_column_constant_or_missing_columns_and_ties() -> None:
    y = np.repeat([1.0, 2.0], 30)
    single = pd.DataFrame({"a": np.repeat([0.0, 1.0], 30)})
    check_predictor(HistGradientBoostingRegressor(**SMALL), single, y)
    check_predictor(HistGradientBoostingRegressor(**SMALL), single.assign(b=3.0), y)
    constant = pd.DataFrame({"a": np.zeros(60)})  # gives trees of a single leaf
    check_predictor(HistGradientBoostingRegressor(**SMALL), constant, y)
    check_predictor(HistGradientBoostingClassifier(**SMALL), constant, y)
    tiny = pd.DataFrame({"a": np.linspace(0, 1, 60) * 5e-324 * 1e3, "b": np.linspace(-1, 1, 60) * 1e100})
    check_predictor(HistGradientBoostingRegressor(**SMALL), tiny, y)


@settings(max_examples=budget(25), deadline=None, derandomize=True)
@given(
    rows=st.integers(20, 90),
    columns=st.integers(1, 5),
    missing=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 2**20),
    task=st.sampled_from(["regression", "binary", "multiclass"]),
    depth=st.sampled_from([None, 1, 3]),
)
def test_any_table(rows: int, columns: int, missing: float, seed: int, task: Any, depth: int | None) -> None:
    frame = number_table(rows, columns, missing=missing, seed=seed)
    y = make_target(frame, task, seed=seed)
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    check_predictor(kind(**(SMALL | {"max_depth": depth, "max_iter": 5})), frame, y, edges=300, seed=seed)


def test_a_custom_loss_does_not_compile() -> None:
    y = np.exp(make_target(number_table(), "regression") / 4)
    for loss in (HalfTweedieLoss(power=1.3), HalfTweedieLossIdentity(power=0)):
        check_predictor(HistGradientBoostingRegressor(loss=loss, **SMALL), number_table(), y)
