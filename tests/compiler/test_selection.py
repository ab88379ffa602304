"""Every feature selector."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn import feature_selection as select
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.compiler.cases import check_predictor, check_transformer, make_target, mixed_table, number_table

X = number_table(100, columns=6)
Y = make_target(X, "regression")


@pytest.mark.parametrize(
    "selector",
    [
        select.VarianceThreshold(),
        select.VarianceThreshold(2.0),
        select.SelectKBest(select.f_regression, k=2),
        select.SelectPercentile(select.f_regression, percentile=50),
        select.SelectFpr(select.f_regression, alpha=0.5),
        select.SelectFdr(select.f_regression, alpha=0.5),
        select.SelectFwe(select.f_regression, alpha=0.5),
        select.GenericUnivariateSelect(select.f_regression, mode="k_best", param=3),
        select.SelectFromModel(RandomForestRegressor(5, random_state=0)),
        select.SelectFromModel(Lasso(0.1), threshold=-1, max_features=2),
        select.RFE(LinearRegression(), n_features_to_select=2),
        select.RFECV(LinearRegression(), cv=3),
        select.SequentialFeatureSelector(LinearRegression(), n_features_to_select=2, cv=3),
    ],
    ids=lambda selector: type(selector).__name__,
)
def test_selectors(selector: Any) -> None:
    check_transformer(selector, X, Y)


def test_missing_values_if_the_selector_accepts_them() -> None:
    check_transformer(select.VarianceThreshold(1.0), number_table(80, missing=0.1))


def test_selected_one_hot_columns_stay_tables() -> None:
    frame = mixed_table(150)[["text", "words"]]
    hot = OneHotEncoder(handle_unknown="ignore")
    answers = (frame["text"] == "x").to_numpy().astype(float)
    pipeline = make_pipeline(hot, select.SelectKBest(select.f_regression, k=5), LinearRegression())
    check_predictor(pipeline, frame, answers)
