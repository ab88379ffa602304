"""AdaBoost: votes and medians, of trees in one operator and of other members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.compiler.cases import check, labels, numbers, refusal

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("member", [None, DecisionTreeClassifier(max_depth=3), LogisticRegression()])
def test_classifiers(task: Task, member: Any) -> None:
    X = numbers(120) / [1.0, 50.0, 1e-3, 2e4]
    check(AdaBoostClassifier(member, n_estimators=9, learning_rate=0.7, random_state=0), X, labels(X, task))


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize("member", [None, DecisionTreeRegressor(max_depth=1), LinearRegression()])
def test_regressors(loss: str, member: Any) -> None:
    X = numbers(120, seed=1)
    check(AdaBoostRegressor(member, n_estimators=11, loss=loss, random_state=0), X, labels(X, "regression"))


def test_forests_as_members_and_few_answers() -> None:
    X = numbers(100)
    y = np.round(labels(X, "regression") / 4)
    check(AdaBoostRegressor(RandomForestRegressor(3, max_depth=3), n_estimators=4, random_state=0), X, y)
    check(AdaBoostRegressor(DecisionTreeRegressor(max_depth=2), n_estimators=30, random_state=0), X, y)


def test_what_single_precision_cannot_hold_is_refused() -> None:
    X = numbers(100)
    case = check(AdaBoostRegressor(n_estimators=3, random_state=0), X, labels(X, "regression"))
    assert len(case.compiled.refusals.bounds) == 4


def test_the_member_in_the_way_is_named() -> None:
    class Own(DecisionTreeClassifier):  # type: ignore[misc]  # scikit-learn ships no types
        pass

    X = numbers(60)
    assert " → Own: no lowering" in refusal(AdaBoostClassifier(Own(), n_estimators=2), X, labels(X, "binary"))
