"""Voting: means, weights, and ties of votes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.compiler.cases import check, labels, numbers, refusal

if TYPE_CHECKING:
    from fasttrack.contract import Task


def classifiers() -> list[tuple[str, Any]]:
    return [
        ("line", make_pipeline(StandardScaler(), LogisticRegression())),
        ("forest", RandomForestClassifier(5, random_state=0)),
        ("dropped", "drop"),
        ("tree", DecisionTreeClassifier(max_depth=2)),
    ]


@pytest.mark.parametrize("weights", [None, [2, 0.5, 1]])
def test_regressors(weights: list[float] | None) -> None:
    X = numbers(100)
    members = [
        ("line", LinearRegression()),
        ("trees", HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5)),
        ("scaled", make_pipeline(StandardScaler(), LinearRegression(fit_intercept=False))),
    ]
    check(VotingRegressor(members, weights=weights), X, labels(X, "regression"))


@pytest.mark.parametrize("voting", ["soft", "hard"])
@pytest.mark.parametrize("weights", [None, [3, 1, 1, 1.5]])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classifiers(voting: str, weights: list[float] | None, task: Task) -> None:
    X = numbers(100)
    check(VotingClassifier(classifiers(), voting=voting, weights=weights), X, labels(X, task))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_as_many_votes_for_one_class_as_for_another_take_the_first(task: Task) -> None:
    X = numbers(100)
    members = [(str(depth), DecisionTreeClassifier(max_depth=depth, random_state=0)) for depth in (1, 2, 3, 4)]
    check(VotingClassifier([*members, ("ridge", RidgeClassifier())]), X, labels(X, task))
    check(VotingClassifier(members), X, labels(X, task))


def test_the_member_in_the_way_is_named() -> None:
    X = numbers(40)
    said = refusal(VotingClassifier([("a", SVC()), ("b", LogisticRegression())]), X, labels(X, "binary"))
    assert said.startswith("VotingClassifier → SVC: no lowering")
