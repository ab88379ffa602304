"""PolynomialFeatures: degrees, interactions, bias."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from tests.compiler.cases import check_predictor, check_transformer, make_target, mixed_table, number_table

X = number_table(80)[["a", "b", "d"]] / [1.0, 50.0, 3e4]


@pytest.mark.parametrize("degree", [1, 2, 3, (2, 3), (0, 1)])
@pytest.mark.parametrize("options", [{}, {"interaction_only": True}, {"include_bias": False}])
def test_degrees(degree: Any, options: dict[str, Any]) -> None:
    if degree == (2, 3) and options.get("interaction_only"):
        degree = (2, 2)
    check_transformer(PolynomialFeatures(degree, **options), X, trees=False)


def test_before_linear_models_and_trees() -> None:
    answers = make_target(X, "regression")
    check_predictor(make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge()), X, answers)
    check_transformer(PolynomialFeatures(2, include_bias=False), X)


def test_one_hot_columns() -> None:
    frame = mixed_table(100)[["text"]]
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    answers = (frame["text"] == "x").to_numpy().astype(float)
    check_predictor(make_pipeline(hot, PolynomialFeatures(2), Ridge()), frame, answers)
