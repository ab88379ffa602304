"""Gradient boosting: every loss, first guesses, classes, weights."""

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

from tests.compiler.cases import check, labels, mixed_table, numbers, refusal

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
@pytest.mark.parametrize("init", [None, "zero"])
def test_losses(loss: str, init: str | None) -> None:
    X = numbers(150)
    model = GradientBoostingRegressor(loss=loss, init=init, n_estimators=25, max_depth=4, random_state=0)
    case = check(model, X, labels(X, "regression"))
    assert case.operators.count("TreeEnsemble") == 1


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("init", [None, "zero", RandomForestClassifier(4, max_depth=3)])
def test_classes(task: Task, init: Any) -> None:
    X = numbers(150)
    model = GradientBoostingClassifier(n_estimators=12, learning_rate=0.3, subsample=0.7, init=init, random_state=0)
    check(model, X, labels(X, task), fit={"sample_weight": np.linspace(0.2, 3, 150)})


@pytest.mark.parametrize("init", [None, "zero", RandomForestClassifier(4, max_depth=3)])
def test_exponential_loss(init: Any) -> None:
    X = numbers(150) / [1, 50, 1e-3, 3e4]
    check(GradientBoostingClassifier(loss="exponential", n_estimators=12, init=init), X, labels(X, "binary"))


def test_a_first_guess_by_trees() -> None:
    X = numbers(150)
    init = GradientBoostingRegressor(n_estimators=3)
    check(GradientBoostingRegressor(n_estimators=6, init=init), X, labels(X, "regression"))
    early = GradientBoostingRegressor(n_estimators=60, n_iter_no_change=3, random_state=0)
    check(early, X, labels(X, "regression"))


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_mixed_columns(task: Task) -> None:
    X = mixed_table()
    hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=4)
    numeric = ["number", "number missing", "whole", "single"]
    columns = make_column_transformer((hot, ["text", "text missing", "words"]), (SimpleImputer(), numeric))
    model = GradientBoostingRegressor if task == "regression" else GradientBoostingClassifier
    check(make_pipeline(columns, model(n_estimators=10, random_state=0)), X, labels(X[["number", "whole"]], task))


def test_a_line_is_no_guess_of_float32_columns() -> None:
    X = numbers(80)
    model = GradientBoostingRegressor(n_estimators=3, init=LinearRegression())
    assert "float32" in refusal(model, X, labels(X, "regression"))
