"""Gradient boosting: every loss, initial estimators, classes, sample weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.compiler.cases import check_predictor, compile_error, make_target, mixed_table, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
@pytest.mark.parametrize("init", [None, "zero"])
def test_losses(loss: str, init: str | None) -> None:
    X = number_table(150)
    model = GradientBoostingRegressor(loss=loss, init=init, n_estimators=25, max_depth=4, random_state=0)
    case = check_predictor(model, X, make_target(X, "regression"))
    assert case.operators.count("TreeEnsemble") == 1


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("init", [None, "zero", RandomForestClassifier(4, max_depth=3)])
def test_classes(task: Task, init: Any) -> None:
    X = number_table(150)
    model = GradientBoostingClassifier(n_estimators=12, learning_rate=0.3, subsample=0.7, init=init, random_state=0)
    check_predictor(model, X, make_target(X, task), fit={"sample_weight": np.linspace(0.2, 3, 150)})


@pytest.mark.parametrize("init", [None, "zero", RandomForestClassifier(4, max_depth=3)])
def test_exponential_loss(init: Any) -> None:
    X = number_table(150) / [1, 50, 1e-3, 3e4]
    check_predictor(
        GradientBoostingClassifier(loss="exponential", n_estimators=12, init=init), X, make_target(X, "binary")
    )


def test_trees_as_initial_estimator() -> None:
    X = number_table(150)
    init = GradientBoostingRegressor(n_estimators=3)
    check_predictor(GradientBoostingRegressor(n_estimators=6, init=init), X, make_target(X, "regression"))
    early = GradientBoostingRegressor(n_estimators=60, n_iter_no_change=3, random_state=0)
    check_predictor(early, X, make_target(X, "regression"))


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_mixed_columns(task: Task) -> None:
    X = mixed_table()
    hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=4)
    numeric = ["number", "number missing", "whole", "single"]
    columns = make_column_transformer((hot, ["text", "text missing", "words"]), (SimpleImputer(), numeric))
    model = GradientBoostingRegressor if task == "regression" else GradientBoostingClassifier
    check_predictor(
        make_pipeline(columns, model(n_estimators=10, random_state=0)), X, make_target(X[["number", "whole"]], task)
    )


def test_a_linear_initial_estimator_does_not_compile() -> None:
    X = number_table(80)
    model = GradientBoostingRegressor(n_estimators=3, init=LinearRegression())
    assert "float32" in compile_error(model, X, make_target(X, "regression"))
