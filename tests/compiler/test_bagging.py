"""Bagging: subsets of columns, members with probabilities and without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeRegressor

from tests.compiler.cases import check, labels, numbers

if TYPE_CHECKING:
    from fasttrack.contract import Task

SUBSETS: list[dict[str, Any]] = [{}, {"max_features": 0.5}, {"max_features": 3, "bootstrap_features": True}]


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("member", [None, ExtraTreeRegressor(max_depth=4), LinearRegression()])
def test_regressors(subset: dict[str, Any], member: Any) -> None:
    X = numbers(100)
    check(BaggingRegressor(member, 6, random_state=0, **subset), X, labels(X, "regression"))


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "member", [None, make_pipeline(StandardScaler(), LogisticRegression()), RidgeClassifier()], ids=str
)
def test_classifiers(subset: dict[str, Any], task: Task, member: Any) -> None:
    X = numbers(100)
    check(BaggingClassifier(member, 6, random_state=0, **subset), X, labels(X, task))


def test_members_that_did_not_see_every_class() -> None:
    X = numbers(90)
    y = np.array(["often"] * 60 + ["more"] * 27 + ["rare"] * 3)
    check(BaggingClassifier(DecisionTreeClassifier(max_depth=3), 7, max_samples=0.15, random_state=0), X, y)
    lines = make_pipeline(StandardScaler(), LogisticRegression())
    check(BaggingClassifier(lines, 7, max_samples=0.3, random_state=0), X, y)


def test_missing_values_reach_the_trees() -> None:
    X = numbers(90, missing=0.1)
    check(BaggingClassifier(n_estimators=4, random_state=0), X, labels(X, "multiclass"))
    check(BaggingRegressor(n_estimators=4, random_state=0), X, labels(X, "regression"))
