"""Hyperparameter searches, frozen estimators, decision thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # enables the import below
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

from tests.compiler.cases import check_predictor, compile_error, make_target, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task

X = number_table(100)


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV])
def test_searches_predict_with_their_best_estimator(search: Any) -> None:
    options = {"n_iter": 2} if search is RandomizedSearchCV else {}
    pipeline = make_pipeline(StandardScaler(), Ridge())
    check_predictor(search(pipeline, {"ridge__alpha": [0.1, 3.0]}, cv=3, **options), X, make_target(X, "regression"))


def test_a_search_in_a_pipeline_and_the_path_in_its_error() -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3)
    check_predictor(make_pipeline(StandardScaler(), search), X, make_target(X, "multiclass"))
    message = compile_error(GridSearchCV(SVR(), {"C": [1]}, cv=2), X, make_target(X, "regression"))
    assert message.startswith("GridSearchCV → SVR: no lowering")


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_frozen_estimators(task: Task) -> None:
    y = make_target(X, task)
    scaler = FrozenEstimator(StandardScaler().fit(X))
    check_predictor(make_pipeline(scaler, FrozenEstimator(LogisticRegression().fit(scaler.transform(X), y))), X, y)


@pytest.mark.parametrize("pos_label", [None, 0, 1])
@pytest.mark.parametrize("threshold", ["auto", 0.3])
@pytest.mark.parametrize("method", ["auto", "predict_proba", "decision_function"])
def test_fixed_thresholds(pos_label: int | None, threshold: float | str, method: str) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    moved = FixedThresholdClassifier(model, threshold=threshold, pos_label=pos_label, response_method=method)
    check_predictor(moved, X, make_target(X, "binary"))


def test_thresholds_of_decision_functions_and_of_a_prefit_model() -> None:
    y = make_target(X, "binary")
    check_predictor(FixedThresholdClassifier(RidgeClassifier(), threshold=-0.2, pos_label=0), X, y)
    check_predictor(
        FixedThresholdClassifier(FrozenEstimator(LogisticRegression(max_iter=5000).fit(X / 1e4, y))), X / 1e4, y
    )


def test_tuned_thresholds() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    check_predictor(TunedThresholdClassifierCV(model, cv=3), X, make_target(X, "binary"))
