"""XGBoost: objectives in float32, missing values, forests, early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from tests.compiler.cases import check, labels, mixed_table, numbers, refusal

if TYPE_CHECKING:
    from fasttrack.contract import Task

QUICK: dict[str, Any] = {"n_estimators": 20, "n_jobs": 1, "max_depth": 4}


@pytest.mark.parametrize(
    "objective",
    [
        "reg:squarederror",
        "reg:squaredlogerror",
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:gamma",
        "reg:tweedie",
        "count:poisson",
        "reg:logistic",
    ],
)
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_objectives(objective: str, missing: float) -> None:
    X = numbers(150, missing=missing)
    y = np.abs(labels(X, "regression")) + 0.5
    check(XGBRegressor(objective=objective, **QUICK), X, y / (y.max() if objective == "reg:logistic" else 1))


@pytest.mark.parametrize("seed", range(3))
def test_quantiles_and_a_beginning_of_ones_own(seed: int) -> None:
    X = numbers(150, seed=seed)
    y = labels(X, "regression", seed=seed)
    check(XGBRegressor(objective="reg:quantileerror", quantile_alpha=0.3, **QUICK), X, y)
    check(XGBRegressor(base_score=1e3, **QUICK), X, y)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", [XGBClassifier, XGBRFClassifier])
def test_classes(task: Task, model: Any) -> None:
    X = numbers(150, missing=0.05)
    y = labels(X, task)
    numbered = np.unique(y, return_inverse=True)[1]
    check(model(**QUICK, base_score=0.3) if task == "binary" else model(**QUICK), X, numbered)


def test_forests_and_parallel_trees() -> None:
    X = numbers(150)
    check(XGBRFRegressor(**QUICK), X, labels(X, "regression"))
    check(XGBRegressor(num_parallel_tree=3, subsample=0.5, **QUICK), X, labels(X, "regression"))


def test_behind_encoders_and_scalers() -> None:
    X = mixed_table(200)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["text", "text missing"]),
        (StandardScaler(), ["number", "number missing"]),
        ("passthrough", ["whole", "flag"]),
    )
    check(make_pipeline(columns, XGBRegressor(**QUICK)), X, labels(X[["number", "whole"]], "regression"))


def test_it_predicts_up_to_its_best_iteration() -> None:
    X = numbers(200)
    y = labels(X, "regression")
    model = XGBRegressor(n_estimators=100, early_stopping_rounds=2, n_jobs=1)
    case = check(model, X, y, fit={"eval_set": [(X[:50], y[::-1][:50])], "verbose": False})
    assert case.pipeline.best_iteration < 50


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"booster": "dart"}, "booster='dart'"),
        ({"missing": 0.0}, "missing=0.0"),
        ({"objective": "binary:logitraw"}, "'binary:logitraw'"),
    ],
)
def test_what_has_no_lowering(options: dict[str, Any], said: str) -> None:
    X = numbers(80)
    assert said in refusal(XGBRegressor(**QUICK, **options), X, labels(X, "binary").astype(float))
