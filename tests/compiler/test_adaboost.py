"""AdaBoost: votes and medians, of trees in a single operator and of other members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.compiler.cases import check_predictor, compile_error, make_target, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("member", [None, DecisionTreeClassifier(max_depth=3), LogisticRegression()])
def test_classifiers(task: Task, member: Any) -> None:
    X = number_table(120) / [1.0, 50.0, 1e-3, 2e4]
    check_predictor(
        AdaBoostClassifier(member, n_estimators=9, learning_rate=0.7, random_state=0), X, make_target(X, task)
    )


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize("member", [None, DecisionTreeRegressor(max_depth=1), LinearRegression()])
def test_regressors(loss: str, member: Any) -> None:
    X = number_table(120, seed=1)
    check_predictor(
        AdaBoostRegressor(member, n_estimators=11, loss=loss, random_state=0), X, make_target(X, "regression")
    )


def test_forests_as_members_and_repeated_predictions() -> None:
    X = number_table(100)
    y = np.round(make_target(X, "regression") / 4)
    check_predictor(AdaBoostRegressor(RandomForestRegressor(3, max_depth=3), n_estimators=4, random_state=0), X, y)
    check_predictor(AdaBoostRegressor(DecisionTreeRegressor(max_depth=2), n_estimators=30, random_state=0), X, y)


def test_numbers_that_overflow_float32_are_refused() -> None:
    X = number_table(100)
    case = check_predictor(AdaBoostRegressor(n_estimators=3, random_state=0), X, make_target(X, "regression"))
    assert len(case.compiled.input_rules.bounds) == 4


def test_the_error_names_the_member_without_a_lowering() -> None:
    class Unregistered(DecisionTreeClassifier):  # type: ignore[misc]  # scikit-learn ships no types
        pass

    X = number_table(60)
    assert " → Unregistered: no lowering" in compile_error(
        AdaBoostClassifier(Unregistered(), n_estimators=2), X, make_target(X, "binary")
    )
