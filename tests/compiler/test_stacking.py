"""Stacking: every method of the members, columns passed through, and final estimators."""

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

from tests.compiler.cases import check, labels, numbers, refusal

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("passthrough", [False, True])
def test_regressors(passthrough: bool) -> None:
    X = numbers(90)
    members = [("line", LinearRegression()), ("trees", HistGradientBoostingRegressor(max_iter=5)), ("none", "drop")]
    y = labels(X, "regression")
    check(StackingRegressor(members, passthrough=passthrough, cv=3), X, y)
    forest = RandomForestRegressor(4, random_state=0)
    check(StackingRegressor(members, forest, passthrough=passthrough, cv=3), X, y)


def classifiers() -> list[tuple[str, Any]]:
    return [
        ("line", make_pipeline(StandardScaler(), LogisticRegression())),
        ("ridge", RidgeClassifier()),
        ("forest", RandomForestClassifier(4, random_state=0)),
    ]


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classifiers(passthrough: bool, task: Task) -> None:
    X = numbers(110)
    final = make_pipeline(StandardScaler(), LogisticRegression())
    check(StackingClassifier(classifiers(), final, passthrough=passthrough, cv=3), X, labels(X, task))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_labels_of_members(task: Task) -> None:
    X = numbers(110)
    members = [("tree", DecisionTreeClassifier(max_depth=3)), ("ridge", RidgeClassifier())]
    check(StackingClassifier(members, DecisionTreeClassifier(), stack_method="predict", cv=3), X, labels(X, task))


def test_members_fitted_before_on_text_labels() -> None:
    X = numbers(110)
    y = labels(X, "multiclass")
    members = [("tree", DecisionTreeClassifier(max_depth=3).fit(X, y))]
    check(StackingClassifier(members, cv="prefit"), X, y)
    ridge = [("ridge", RidgeClassifier().fit(X, y))]
    check(StackingClassifier(ridge, LogisticRegression(), cv="prefit"), X / 100, y)
    said = refusal(StackingClassifier([("own", LogisticRegression())], _Own(), cv=3), X, labels(X, "binary"))
    assert said.startswith("StackingClassifier → _Own: no lowering")


class _Own(LogisticRegression):  # type: ignore[misc]  # scikit-learn ships no types
    """A class of its own has no lowering."""
