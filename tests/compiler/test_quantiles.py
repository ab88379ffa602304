"""Quantile transforms: ties, ends, both distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from tests.compiler.cases import check, check_transformer, labels, mixed_table, numbers, refusal


@pytest.mark.parametrize("output", ["uniform", "normal"])
@pytest.mark.parametrize("quantiles", [1, 2, 10, 1000])
def test_distributions(output: Any, quantiles: int) -> None:
    X = numbers(110, missing=0.05)
    transformer = QuantileTransformer(n_quantiles=min(quantiles, 110), output_distribution=output)
    if quantiles == 1:
        transformer.set_params(n_quantiles=3)
    check_transformer(transformer, X, trees=False)


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_ties_and_a_column_of_one_value(output: Any) -> None:
    X = np.round(numbers(100) / [1, 30, 1e-3, 1e4]).assign(d=7.0)
    check_transformer(QuantileTransformer(n_quantiles=40, output_distribution=output), X, trees=False)


def test_behind_other_steps_and_before_trees() -> None:
    X = mixed_table(120)[["number", "number missing", "whole"]]
    check_transformer(QuantileTransformer(n_quantiles=20), X, labels(X, "regression"))
    check_transformer(make_pipeline(StandardScaler(), QuantileTransformer(n_quantiles=20)), X, trees=False)


def test_targets_are_taken_back_from_the_uniform_distribution() -> None:
    X = numbers(100)
    y = labels(X, "regression")
    back = TransformedTargetRegressor(LinearRegression(), transformer=QuantileTransformer(n_quantiles=30))
    check(back, X, y)
    normal = QuantileTransformer(n_quantiles=30, output_distribution="normal")
    assert "to the normal distribution" in refusal(
        TransformedTargetRegressor(LinearRegression(), transformer=normal), X, y
    )
