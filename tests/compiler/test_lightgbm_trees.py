"""LightGBM: objectives, types of boosting, missing values, native categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.compiler.cases import check_predictor, compile_error, make_target, mixed_table, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task

QUICK: dict[str, Any] = {"n_estimators": 12, "min_child_samples": 3, "verbose": -1, "n_jobs": 1}


@pytest.mark.parametrize(
    "objective", ["regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie"]
)
def test_objectives(objective: str) -> None:
    X = number_table(150, missing=0.05)
    y = np.abs(make_target(X, "regression")) + 0.5
    check_predictor(LGBMRegressor(objective=objective, **QUICK), X, y)


@pytest.mark.parametrize(
    "options",
    [
        {"boosting_type": "dart"},
        {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1},
        {"data_sample_strategy": "goss"},
        {"reg_sqrt": True},
        {"use_missing": False},
        {"num_leaves": 2, "learning_rate": 1.0},
    ],
)
def test_kinds_of_boosting(options: dict[str, Any]) -> None:
    X = number_table(150, missing=0.05)
    check_predictor(LGBMRegressor(**QUICK, **options), X, make_target(X, "regression"))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("objective", [None, "multiclassova"])
def test_classes(task: Task, objective: str | None) -> None:
    X = number_table(150, missing=0.05)
    if task == "multiclass":
        check_predictor(LGBMClassifier(objective=objective, **QUICK), X, make_target(X, task))
    else:
        options: dict[str, Any] = {} if objective is None else {"sigmoid": 2.0, "is_unbalance": True}
        check_predictor(LGBMClassifier(**QUICK, **options), X, make_target(X, task))


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_native_categories(task: Task) -> None:
    X = mixed_table(200)[["number", "text", "words", "flag missing"]]
    X = X.assign(text=X["text"].astype("category"), words=X["words"].astype("category"))
    model = (LGBMRegressor if task == "regression" else LGBMClassifier)(
        **QUICK, min_data_per_group=1, cat_smooth=1.0, max_cat_to_onehot=2
    )
    score = X["text"].cat.codes * 2.0 + (X["words"].cat.codes % 3) + X["number"] / 20
    y = score.to_numpy() if task == "regression" else (score > score.median()).to_numpy().astype(int)
    check_predictor(model, X, y)


def test_after_encoders_and_scalers() -> None:
    X = mixed_table(200)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["text", "text missing"]),
        (StandardScaler(), ["number", "number missing", "single"]),
        ("passthrough", ["whole", "flag"]),
    )
    case = check_predictor(
        make_pipeline(columns, LGBMRegressor(**QUICK)), X, make_target(X[["number", "whole"]], "regression")
    )
    assert set(case.operators) <= {"TreeEnsemble", "Squeeze", "Identity"}


def test_early_stopping_uses_the_best_iteration() -> None:
    X = number_table(200)
    y = make_target(X, "regression")
    model = LGBMRegressor(**{**QUICK, "n_estimators": 200, "learning_rate": 0.5})
    fit = {"eval_X": X[:50], "eval_y": y[::-1][:50], "callbacks": [early_stopping(2, verbose=False)]}
    case = check_predictor(model, X, y, fit=fit)
    assert case.pipeline.best_iteration_ < 20


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"zero_as_missing": True}, "zero_as_missing"),
        ({"linear_tree": True}, "linear trees"),
        ({"objective": lambda t, p: p - t}, "a custom objective"),
    ],
)
def test_options_that_do_not_compile(options: dict[str, Any], reason: str) -> None:
    X = number_table(100, missing=0.1)
    y = make_target(X, "regression")
    if callable(options.get("objective")):
        options = {"objective": lambda t, p: (p - t, np.ones_like(p))}
    assert reason in compile_error(LGBMRegressor(**QUICK, **options), X, y)


def test_numeric_columns_as_categorical_features_do_not_compile() -> None:
    frame = pd.DataFrame({"a": np.arange(100) % 7.0, "b": np.arange(100.0)})
    model = LGBMRegressor(**QUICK, min_data_per_group=1, cat_smooth=1.0)
    score = np.sin(frame["a"] * 3).to_numpy()
    assert "names a numeric column" in compile_error(model, frame, score, fit={"categorical_feature": ["a"]})
