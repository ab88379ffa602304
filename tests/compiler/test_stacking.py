"""Stacking: every method of the members, passthrough, and final estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.compiler.cases import check_predictor, compile_error, make_target, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("passthrough", [False, True])
def test_regressors(passthrough: bool) -> None:
    X = number_table(90)
    members = [("line", LinearRegression()), ("trees", HistGradientBoostingRegressor(max_iter=5)), ("none", "drop")]
    y = make_target(X, "regression")
    check_predictor(StackingRegressor(members, passthrough=passthrough, cv=3), X, y)
    forest = RandomForestRegressor(4, random_state=0)
    check_predictor(StackingRegressor(members, forest, passthrough=passthrough, cv=3), X, y)


def classifiers() -> list[tuple[str, Any]]:
    return [
        ("line", make_pipeline(StandardScaler(), LogisticRegression())),
        ("ridge", RidgeClassifier()),
        ("forest", RandomForestClassifier(4, random_state=0)),
    ]


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classifiers(passthrough: bool, task: Task) -> None:
    X = number_table(110)
    final = make_pipeline(StandardScaler(), LogisticRegression())
    check_predictor(StackingClassifier(classifiers(), final, passthrough=passthrough, cv=3), X, make_target(X, task))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_predicted_labels_as_inputs(task: Task) -> None:
    X = number_table(110)
    members = [("tree", DecisionTreeClassifier(max_depth=3)), ("ridge", RidgeClassifier())]
    check_predictor(
        StackingClassifier(members, DecisionTreeClassifier(), stack_method="predict", cv=3), X, make_target(X, task)
    )


def test_prefit_members_with_text_labels() -> None:
    X = number_table(110)
    y = make_target(X, "multiclass")
    members = [("tree", DecisionTreeClassifier(max_depth=3).fit(X, y))]
    check_predictor(StackingClassifier(members, cv="prefit"), X, y)
    ridge = [("ridge", RidgeClassifier().fit(X, y))]
    check_predictor(StackingClassifier(ridge, LogisticRegression(), cv="prefit"), X / 100, y)
    message = compile_error(
        StackingClassifier([("member", LogisticRegression())], _Unregistered(), cv=3), X, make_target(X, "binary")
    )
    assert message.startswith("StackingClassifier → _Unregistered: no lowering")


class _Unregistered(LogisticRegression):  # type: ignore[misc]  # scikit-learn ships no types
    """A subclass, which has no lowering."""
