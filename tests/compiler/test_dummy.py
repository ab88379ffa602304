"""Baselines: constants, and the strategies that draw."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from tests.compiler.cases import check, labels, numbers, refusal

X = numbers(60, missing=0.1)


@pytest.mark.parametrize(
    "options",
    [{}, {"strategy": "median"}, {"strategy": "quantile", "quantile": 0.3}, {"strategy": "constant", "constant": 4}],
)
def test_regressors(options: dict[str, object]) -> None:
    check(DummyRegressor(**options), X, labels(X, "regression"))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("strategy", ["prior", "most_frequent", "constant"])
def test_classifiers(task: str, strategy: str) -> None:
    y = labels(X, task)  # type: ignore[arg-type]  # the parameters are tasks
    constant = y[3] if strategy == "constant" else None
    check(DummyClassifier(strategy=strategy, constant=constant), X, y)


@pytest.mark.parametrize("strategy", ["uniform", "stratified"])
def test_answers_at_random_are_not_compiled(strategy: str) -> None:
    assert "answers at random" in refusal(DummyClassifier(strategy=strategy), X, labels(X, "binary"))


def test_several_targets() -> None:
    both = np.column_stack([labels(X, "regression"), labels(X, "regression", seed=1)])
    check(DummyRegressor(), X, both)
