"""A search starts at the defaults, keeps its budget, and survives what fails."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

from fasttrack.config import Domain, Range, SearchConfig
from fasttrack.errors import TrainingError
from fasttrack.progress import reporting
from fasttrack.training.search import Candidate, SearchResult, search
from fasttrack.training.validation import plan_validation


def rows(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(seed)
    X = pd.DataFrame(random.normal(size=(n, 3)), columns=list("abc"))
    return X, np.asarray(np.sin(3 * X["a"]) + 0.3 * X["b"] + random.normal(0, 0.3, n))


TREE: dict[str, Domain] = {"max_depth": Range(low=1, high=12), "min_samples_leaf": Range(low=1, high=60, log=True)}


def look(
    estimator: Any,
    space: dict[str, Domain],
    *,
    n: int = 300,
    trials: int | None = 12,
    seconds: float | None = None,
    seed: int = 0,
) -> SearchResult:
    X, y = rows(n)
    plan = plan_validation(n, method="random", seed=0)
    budget = SearchConfig(trials=trials, seconds=seconds)
    return search([Candidate("own", estimator, space)], "regression", X, y, plan, budget, seed)


def test_the_defaults_come_first_and_the_best_is_at_least_as_good() -> None:
    said: list[str] = []
    with reporting(said.append):
        found = look(DecisionTreeRegressor(random_state=0), TREE)
    assert [trial.number for trial in found.trials] == list(range(12))
    first = found.trials[0]
    assert (first.params, first.state) == ({}, "complete")
    assert found.default_score == first.score
    scores = [trial.score for trial in found.trials if trial.score is not None]
    assert found.score == min(scores) < float(first.score or 0)
    assert set(found.best_params) == set(TREE)
    assert found.metric == "rmse"
    assert said[0] == "trial 1 of 12"
    assert said[11].startswith("trial 12 of 12, best rmse 0.")


def test_the_score_is_that_of_the_folds() -> None:
    X, y = rows()
    plan = plan_validation(300, method="random", seed=0)
    expected = [
        np.sqrt(
            np.mean((Ridge().fit(X.iloc[fold.train], y[fold.train]).predict(X.iloc[fold.test]) - y[fold.test]) ** 2)
        )
        for fold in plan.folds
    ]
    assert look(Ridge(), {"alpha": [1.0]}, trials=1).score == pytest.approx(np.mean(expected), rel=1e-12)


def test_defaults_that_cannot_be_bettered_are_kept() -> None:
    found = look(_Offset(), {"offset": Range(low=1.0, high=2.0)}, trials=6)
    assert found.best_params == {}
    assert found.score == found.default_score


def test_the_same_rows_seed_and_trials_give_the_same_trials() -> None:
    one, other = (look(DecisionTreeRegressor(random_state=0), TREE, seed=5) for _ in range(2))
    assert [(t.params, t.score, t.state) for t in one.trials] == [(t.params, t.score, t.state) for t in other.trials]
    third = look(DecisionTreeRegressor(random_state=0), TREE, seed=6)
    assert [t.params for t in third.trials] != [t.params for t in one.trials]


def test_what_a_fold_shows_to_be_worse_is_given_up() -> None:
    found = look(_Offset(offset=0.5), {"offset": Range(low=0.0, high=3.0)}, trials=20)
    states = [trial.state for trial in found.trials]
    assert states.count("pruned") >= 5
    assert set(states) == {"complete", "pruned"}
    assert states[0] == "complete"
    assert all((trial.score is None) == (trial.state == "pruned") for trial in found.trials)
    worst = max(float(trial.params["offset"] or 0) for trial in found.trials[1:] if trial.state == "complete")
    assert worst < max(float(trial.params["offset"] or 0) for trial in found.trials[1:] if trial.state == "pruned")


def test_of_a_large_table_every_trial_is_carried_through() -> None:
    found = look(_Offset(offset=0.5), {"offset": Range(low=0.0, high=3.0)}, n=21_000, trials=10)
    assert {trial.state for trial in found.trials} == {"complete"}


def test_no_trial_begins_that_would_not_end_in_time() -> None:
    found = look(_Slow(), {"offset": Range(low=0.0, high=1.0)}, trials=None, seconds=1.5)
    took = [trial.seconds for trial in found.trials]
    assert found.trials[0].state == "complete"
    if len(took) > 1:
        assert sum(took[:-1]) + max(took[:-1]) <= 1.5 + 0.05
    assert sum(took) <= 1.5 + max(took)


def test_the_defaults_are_tried_even_without_the_time() -> None:
    found = look(_Slow(), {"offset": Range(low=0.0, high=1.0)}, trials=None, seconds=0.001)
    assert [trial.state for trial in found.trials] == ["complete"]


def test_choices_are_tried_once() -> None:
    found = look(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, trials=500)
    assert [trial.params for trial in found.trials[:1]] == [{}]  # 1.0
    assert sorted(float(trial.params["alpha"] or 0) for trial in found.trials[1:]) == [0.1, 10.0]


def test_the_time_left_is_told() -> None:
    said: list[str] = []
    with reporting(said.append):
        look(Ridge(), {"alpha": [0.1, 1.0]}, trials=2, seconds=1000.0)
    assert said[0] == "trial 1 of 2, 1000 s left"
    assert said[1].startswith("trial 2 of 2, best rmse 0.")
    assert said[1].endswith(" s left")


def test_a_trial_that_fails_is_recorded_with_its_reason() -> None:
    found = look(_Offset(), {"offset": Range(low=-1.0, high=1.0)}, trials=15)
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert failed
    assert all(trial.reason == "ArithmeticError: below nothing" and trial.score is None for trial in failed)
    assert all(float(trial.params["offset"] or 0) < 0 for trial in failed)
    assert found.trials[0].score is not None


def test_a_figure_that_is_no_number_is_a_failure() -> None:
    found = look(_Offset(), {"offset": [0.0, float("inf")]}, trials=8)
    reasons = {trial.reason for trial in found.trials if trial.state == "failed"}
    assert reasons == {"ValueError: its rmse is not a finite number"}


def test_when_all_fail_the_first_reason_is_told() -> None:
    with pytest.raises(TrainingError) as caught:
        look(_Offset(offset=-1.0), {"offset": Range(low=-2.0, high=-1.0)}, trials=None, seconds=600.0)
    assert str(caught.value) == "all 20 trials of the search failed; the first: ArithmeticError: below nothing"


def test_an_interruption_ends_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        look(_Offset(), {"offset": [7.0]})


def test_several_candidates_begin_with_their_defaults() -> None:
    X, y = rows()
    found = search(
        [
            Candidate("tree", DecisionTreeRegressor(random_state=0), TREE),
            Candidate("ridge", Ridge(), {"alpha": [1.0, 10.0]}),
        ],
        "regression",
        X,
        y,
        plan_validation(300, method="random", seed=0),
        SearchConfig(trials=12),
    )
    assert [trial.params for trial in found.trials[:2]] == [{"estimator": "tree"}, {"estimator": "ridge"}]
    assert {trial.params["estimator"] for trial in found.trials[2:]} <= {"tree", "ridge"}
    assert found.estimator == "tree"
    assert set(found.best_params) == set(TREE)


def test_a_classifier_is_measured_by_its_log_loss_or_else_by_its_accuracy() -> None:
    X, y = rows()
    labels = np.where(y > 0.2, "late", "in time")
    plan = plan_validation(300, method="random", seed=0, classes=labels)
    space: dict[str, Domain] = {"C": Range(low=1e-3, high=10.0, log=True)}
    found = search([Candidate("own", LogisticRegression(), space)], "binary", X, labels, plan, SearchConfig(trials=4))
    assert found.metric == "log_loss"
    assert found.score == min(trial.score for trial in found.trials if trial.score is not None)
    from sklearn.svm import LinearSVC

    found = search([Candidate("own", LinearSVC(), space)], "binary", X, labels, plan, SearchConfig(trials=4))
    assert found.metric == "accuracy"
    assert found.score == max(trial.score for trial in found.trials if trial.score is not None)


class _Offset(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Is off by `offset`; cannot be below nothing."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def fit(self, X: Any, y: Any) -> _Offset:
        if self.offset == 7.0:
            raise KeyboardInterrupt
        if self.offset < 0:
            raise ArithmeticError("below\nnothing")
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.mean_ + self.offset)


class _Slow(_Offset):
    """Takes a while."""

    def fit(self, X: Any, y: Any) -> _Slow:
        time.sleep(0.05)
        super().fit(X, y)
        return self
