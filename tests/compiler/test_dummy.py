"""Dummy estimators: constant predictions, and strategies that predict at random."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from tests.compiler.cases import check_predictor, compile_error, make_target, number_table

X = number_table(60, missing=0.1)


@pytest.mark.parametrize(
    "options",
    [{}, {"strategy": "median"}, {"strategy": "quantile", "quantile": 0.3}, {"strategy": "constant", "constant": 4}],
)
def test_regressors(options: dict[str, object]) -> None:
    check_predictor(DummyRegressor(**options), X, make_target(X, "regression"))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("strategy", ["prior", "most_frequent", "constant"])
def test_classifiers(task: str, strategy: str) -> None:
    y = make_target(X, task)  # type: ignore[arg-type]  # the parameters are tasks
    constant = y[3] if strategy == "constant" else None
    check_predictor(DummyClassifier(strategy=strategy, constant=constant), X, y)


@pytest.mark.parametrize("strategy", ["uniform", "stratified"])
def test_random_strategies_do_not_compile(strategy: str) -> None:
    assert "predicts at random" in compile_error(DummyClassifier(strategy=strategy), X, make_target(X, "binary"))


def test_several_targets() -> None:
    both = np.column_stack([make_target(X, "regression"), make_target(X, "regression", seed=1)])
    check_predictor(DummyRegressor(), X, both)
