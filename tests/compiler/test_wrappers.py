"""Searches, frozen estimators, thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # makes the import below possible
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from tests.compiler.cases import check, labels, numbers, refusal

if TYPE_CHECKING:
    from fasttrack.contract import Task

X = numbers(100)


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV])
def test_searches_answer_with_their_best(search: Any) -> None:
    options = {"n_iter": 2} if search is RandomizedSearchCV else {}
    pipeline = make_pipeline(StandardScaler(), Ridge())
    check(search(pipeline, {"ridge__alpha": [0.1, 3.0]}, cv=3, **options), X, labels(X, "regression"))


def test_a_search_in_a_pipeline_and_the_way_to_what_is_in_it() -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3)
    check(make_pipeline(StandardScaler(), search), X, labels(X, "multiclass"))
    said = refusal(GridSearchCV(SVR(), {"C": [1]}, cv=2), X, labels(X, "regression"))
    assert said.startswith("GridSearchCV → SVR: no lowering")


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_frozen(task: Task) -> None:
    y = labels(X, task)
    scaler = FrozenEstimator(StandardScaler().fit(X))
    check(make_pipeline(scaler, FrozenEstimator(LogisticRegression().fit(scaler.transform(X), y))), X, y)


@pytest.mark.parametrize("pos_label", [None, 0, 1])
@pytest.mark.parametrize("threshold", ["auto", 0.3])
@pytest.mark.parametrize("method", ["auto", "predict_proba", "decision_function"])
def test_fixed_thresholds(pos_label: int | None, threshold: float | str, method: str) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    moved = FixedThresholdClassifier(model, threshold=threshold, pos_label=pos_label, response_method=method)
    check(moved, X, labels(X, "binary"))


def test_thresholds_of_scores_alone_and_of_a_fitted_model() -> None:
    y = labels(X, "binary")
    check(FixedThresholdClassifier(RidgeClassifier(), threshold=-0.2, pos_label=0), X, y)
    check(FixedThresholdClassifier(FrozenEstimator(LogisticRegression(max_iter=5000).fit(X / 1e4, y))), X / 1e4, y)


def test_tuned_thresholds() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    check(TunedThresholdClassifierCV(model, cv=3), X, labels(X, "binary"))
