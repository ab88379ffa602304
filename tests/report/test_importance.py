"""Permutation importance shows what a model depends on, and how certain that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from fasttrack.evaluation import Clusters
from tests.report.pages import measure


def test_the_only_informative_column_stands_out() -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(600, 6)), columns=list("abcdef"))
    y = pd.Series(np.where(X["d"] + random.normal(0, 0.3, 600) > 0, "u", "v"))
    forest = RandomForestClassifier(20, random_state=0).fit(X[:300], y[:300])
    importance = measure(forest, X, y, "binary", slice(300, 600)).importance
    assert importance.metric == "log_loss"
    assert importance.rows == 300
    first, *others = importance.columns
    assert X.columns[first.column] == "d"
    assert first.low > 5 * max(column.high for column in others)
    for column in importance.columns:
        assert column.low <= column.worse <= column.high


def test_it_is_scikit_learn_s_permutation_importance() -> None:
    random = np.random.default_rng(1)
    X = pd.DataFrame(random.normal(size=(1500, 3)), columns=list("abc"))
    y = pd.Series(X["a"] * 3 + X["b"] + random.normal(size=1500))
    model = LinearRegression().fit(X, y)
    importance = measure(model, X, y, "regression").importance
    reference = permutation_importance(model, X, y, scoring="neg_root_mean_squared_error", n_repeats=20, random_state=0)
    ours = {column.column: column.worse for column in importance.columns}
    for j in range(3):
        assert ours[j] == pytest.approx(reference.importances_mean[j], abs=0.05)


def test_where_groups_hang_together_the_interval_is_that_of_groups() -> None:
    """A column that is informative for a few groups only."""
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(20), 150)  # more rows than are measured
    X = pd.DataFrame({"a": random.normal(size=3000) * np.where(groups < 3, 5, 0.1)})
    y = pd.Series(X["a"] + random.normal(size=3000))
    model = LinearRegression().fit(X, y)
    (by_rows,) = measure(model, X, y, "regression").importance.columns
    (by_groups,) = measure(model, X, y, "regression", clusters=Clusters(groups, "groups")).importance.columns
    assert by_groups.worse == pytest.approx(by_rows.worse, abs=0.1)
    assert by_groups.high - by_groups.low > 3 * (by_rows.high - by_rows.low)
    few = Clusters(groups // 5, "groups")
    assert measure(model, X, y, "regression", clusters=few).importance.columns == [by_rows]


class Picky(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Takes rows only as they were in training."""

    def fit(self, X: pd.DataFrame, y: object) -> Picky:
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        if (X["a"] != X["b"]).any():
            raise ValueError("a is not b")
        return np.asarray(X["a"], dtype=np.float64)


def test_a_pipeline_that_takes_no_shuffled_rows_is_not_measured_and_says_why() -> None:
    X = pd.DataFrame({"a": np.arange(50.0), "b": np.arange(50.0)})
    importance = measure(Picky().fit(X, X["a"]), X, X["a"], "regression").importance
    assert importance.columns == []
    assert importance.obstacle == "the pipeline does not take rows with shuffled values: ValueError"
