"""Bagging: subsets of columns, and members with or without probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeRegressor

from tests.compiler.cases import check_predictor, make_target, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task

SUBSETS: list[dict[str, Any]] = [{}, {"max_features": 0.5}, {"max_features": 3, "bootstrap_features": True}]


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("member", [None, ExtraTreeRegressor(max_depth=4), LinearRegression()])
def test_regressors(subset: dict[str, Any], member: Any) -> None:
    X = number_table(100)
    check_predictor(BaggingRegressor(member, 6, random_state=0, **subset), X, make_target(X, "regression"))


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "member", [None, make_pipeline(StandardScaler(), LogisticRegression()), RidgeClassifier()], ids=str
)
def test_classifiers(subset: dict[str, Any], task: Task, member: Any) -> None:
    X = number_table(100)
    check_predictor(BaggingClassifier(member, 6, random_state=0, **subset), X, make_target(X, task))


def test_members_that_did_not_see_every_class() -> None:
    X = number_table(90)
    y = np.array(["often"] * 60 + ["more"] * 27 + ["rare"] * 3)
    check_predictor(BaggingClassifier(DecisionTreeClassifier(max_depth=3), 7, max_samples=0.15, random_state=0), X, y)
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    check_predictor(BaggingClassifier(logistic, 7, max_samples=0.3, random_state=0), X, y)


def test_missing_values_reach_the_trees() -> None:
    X = number_table(90, missing=0.1)
    check_predictor(BaggingClassifier(n_estimators=4, random_state=0), X, make_target(X, "multiclass"))
    check_predictor(BaggingRegressor(n_estimators=4, random_state=0), X, make_target(X, "regression"))
