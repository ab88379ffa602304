"""LightGBM: objectives, boosting kinds, missing values, native categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.compiler.cases import check, labels, mixed_table, numbers, refusal

if TYPE_CHECKING:
    from fasttrack.contract import Task

QUICK: dict[str, Any] = {"n_estimators": 12, "min_child_samples": 3, "verbose": -1, "n_jobs": 1}


@pytest.mark.parametrize(
    "objective", ["regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie"]
)
def test_objectives(objective: str) -> None:
    X = numbers(150, missing=0.05)
    y = np.abs(labels(X, "regression")) + 0.5
    check(LGBMRegressor(objective=objective, **QUICK), X, y)


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
    X = numbers(150, missing=0.05)
    check(LGBMRegressor(**QUICK, **options), X, labels(X, "regression"))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("objective", [None, "multiclassova"])
def test_classes(task: Task, objective: str | None) -> None:
    X = numbers(150, missing=0.05)
    if task == "multiclass":
        check(LGBMClassifier(objective=objective, **QUICK), X, labels(X, task))
    else:
        steep: dict[str, Any] = {} if objective is None else {"sigmoid": 2.0, "is_unbalance": True}
        check(LGBMClassifier(**QUICK, **steep), X, labels(X, task))


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_native_categories(task: Task) -> None:
    X = mixed_table(200)[["number", "text", "words", "flag missing"]]
    X = X.assign(text=X["text"].astype("category"), words=X["words"].astype("category"))
    model = (LGBMRegressor if task == "regression" else LGBMClassifier)(
        **QUICK, min_data_per_group=1, cat_smooth=1.0, max_cat_to_onehot=2
    )
    answers = X["text"].cat.codes * 2.0 + (X["words"].cat.codes % 3) + X["number"] / 20
    y = answers.to_numpy() if task == "regression" else (answers > answers.median()).to_numpy().astype(int)
    check(model, X, y)


def test_behind_encoders_and_scalers() -> None:
    X = mixed_table(200)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["text", "text missing"]),
        (StandardScaler(), ["number", "number missing", "single"]),
        ("passthrough", ["whole", "flag"]),
    )
    case = check(make_pipeline(columns, LGBMRegressor(**QUICK)), X, labels(X[["number", "whole"]], "regression"))
    assert set(case.operators) <= {"TreeEnsemble", "Squeeze", "Identity"}


def test_it_predicts_up_to_its_best_iteration() -> None:
    X = numbers(200)
    y = labels(X, "regression")
    model = LGBMRegressor(**{**QUICK, "n_estimators": 200, "learning_rate": 0.5})
    fit = {"eval_X": X[:50], "eval_y": y[::-1][:50], "callbacks": [early_stopping(2, verbose=False)]}
    case = check(model, X, y, fit=fit)
    assert case.pipeline.best_iteration_ < 20


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"zero_as_missing": True}, "zero_as_missing"),
        ({"linear_tree": True}, "linear trees"),
        ({"objective": lambda t, p: p - t}, "an objective of one's own"),
    ],
)
def test_what_has_no_lowering(options: dict[str, Any], said: str) -> None:
    X = numbers(100, missing=0.1)
    y = labels(X, "regression")
    if callable(options.get("objective")):
        options = {"objective": lambda t, p: (p - t, np.ones_like(p))}
    assert said in refusal(LGBMRegressor(**QUICK, **options), X, y)


def test_numbers_named_as_categories() -> None:
    frame = pd.DataFrame({"a": np.arange(100) % 7.0, "b": np.arange(100.0)})
    model = LGBMRegressor(**QUICK, min_data_per_group=1, cat_smooth=1.0)
    answers = np.sin(frame["a"] * 3).to_numpy()
    assert "names a column of numbers" in refusal(model, frame, answers, fit={"categorical_feature": ["a"]})
