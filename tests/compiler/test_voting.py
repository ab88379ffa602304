"""Voting: means, weights, and tied votes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.compiler.cases import check_predictor, compile_error, make_target, number_table

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
    X = number_table(100)
    members = [
        ("line", LinearRegression()),
        ("trees", HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5)),
        ("scaled", make_pipeline(StandardScaler(), LinearRegression(fit_intercept=False))),
    ]
    check_predictor(VotingRegressor(members, weights=weights), X, make_target(X, "regression"))


@pytest.mark.parametrize("voting", ["soft", "hard"])
@pytest.mark.parametrize("weights", [None, [3, 1, 1, 1.5]])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classifiers(voting: str, weights: list[float] | None, task: Task) -> None:
    X = number_table(100)
    check_predictor(VotingClassifier(classifiers(), voting=voting, weights=weights), X, make_target(X, task))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_tied_votes_go_to_the_first_class(task: Task) -> None:
    X = number_table(100)
    members = [(str(depth), DecisionTreeClassifier(max_depth=depth, random_state=0)) for depth in (1, 2, 3, 4)]
    check_predictor(VotingClassifier([*members, ("ridge", RidgeClassifier())]), X, make_target(X, task))
    check_predictor(VotingClassifier(members), X, make_target(X, task))


def test_the_error_names_the_member_without_a_lowering() -> None:
    X = number_table(40)
    message = compile_error(VotingClassifier([("a", SVC()), ("b", LogisticRegression())]), X, make_target(X, "binary"))
    assert message.startswith("VotingClassifier → SVC: no lowering")
