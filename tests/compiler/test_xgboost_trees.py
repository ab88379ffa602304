"""XGBoost: objectives, missing values, forests, early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from tests.compiler.cases import check_predictor, compile_error, make_target, mixed_table, number_table

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
    X = number_table(150, missing=missing)
    y = np.abs(make_target(X, "regression")) + 0.5
    check_predictor(XGBRegressor(objective=objective, **QUICK), X, y / (y.max() if objective == "reg:logistic" else 1))


@pytest.mark.parametrize("seed", range(3))
def test_several_quantiles_and_a_custom_base_score(seed: int) -> None:
    X = number_table(150, seed=seed)
    y = make_target(X, "regression", seed=seed)
    check_predictor(XGBRegressor(objective="reg:quantileerror", quantile_alpha=0.3, **QUICK), X, y)
    check_predictor(XGBRegressor(base_score=1e3, **QUICK), X, y)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", [XGBClassifier, XGBRFClassifier])
def test_classes(task: Task, model: Any) -> None:
    X = number_table(150, missing=0.05)
    y = make_target(X, task)
    numbered = np.unique(y, return_inverse=True)[1]
    check_predictor(model(**QUICK, base_score=0.3) if task == "binary" else model(**QUICK), X, numbered)


def test_forests_and_parallel_trees() -> None:
    X = number_table(150)
    check_predictor(XGBRFRegressor(**QUICK), X, make_target(X, "regression"))
    check_predictor(XGBRegressor(num_parallel_tree=3, subsample=0.5, **QUICK), X, make_target(X, "regression"))


def test_after_encoders_and_scalers() -> None:
    X = mixed_table(200)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["text", "text missing"]),
        (StandardScaler(), ["number", "number missing"]),
        ("passthrough", ["whole", "flag"]),
    )
    check_predictor(make_pipeline(columns, XGBRegressor(**QUICK)), X, make_target(X[["number", "whole"]], "regression"))


def test_early_stopping_uses_the_best_iteration() -> None:
    X = number_table(200)
    y = make_target(X, "regression")
    model = XGBRegressor(n_estimators=100, early_stopping_rounds=2, n_jobs=1)
    case = check_predictor(model, X, y, fit={"eval_set": [(X[:50], y[::-1][:50])], "verbose": False})
    assert case.pipeline.best_iteration < 50


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"booster": "dart"}, "booster='dart'"),
        ({"missing": 0.0}, "missing=0.0"),
        ({"objective": "binary:logitraw"}, "'binary:logitraw'"),
    ],
)
def test_options_that_do_not_compile(options: dict[str, Any], reason: str) -> None:
    X = number_table(80)
    assert reason in compile_error(XGBRegressor(**QUICK, **options), X, make_target(X, "binary").astype(float))
