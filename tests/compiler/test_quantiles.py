"""QuantileTransformer: ties, the outermost quantiles, both output distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from tests.compiler.cases import (
    check_predictor,
    check_transformer,
    compile_error,
    make_target,
    mixed_table,
    number_table,
)


@pytest.mark.parametrize("output", ["uniform", "normal"])
@pytest.mark.parametrize("quantiles", [1, 2, 10, 1000])
def test_distributions(output: Any, quantiles: int) -> None:
    X = number_table(110, missing=0.05)
    transformer = QuantileTransformer(n_quantiles=min(quantiles, 110), output_distribution=output)
    if quantiles == 1:
        transformer.set_params(n_quantiles=3)
    check_transformer(transformer, X, trees=False)


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_ties_and_a_constant_column(output: Any) -> None:
    X = np.round(number_table(100) / [1, 30, 1e-3, 1e4]).assign(d=7.0)
    check_transformer(QuantileTransformer(n_quantiles=40, output_distribution=output), X, trees=False)


def test_after_other_steps_and_before_trees() -> None:
    X = mixed_table(120)[["number", "number missing", "whole"]]
    check_transformer(QuantileTransformer(n_quantiles=20), X, make_target(X, "regression"))
    check_transformer(make_pipeline(StandardScaler(), QuantileTransformer(n_quantiles=20)), X, trees=False)


def test_targets_transformed_to_the_uniform_distribution() -> None:
    X = number_table(100)
    y = make_target(X, "regression")
    back = TransformedTargetRegressor(LinearRegression(), transformer=QuantileTransformer(n_quantiles=30))
    check_predictor(back, X, y)
    normal = QuantileTransformer(n_quantiles=30, output_distribution="normal")
    assert "to the normal distribution" in compile_error(
        TransformedTargetRegressor(LinearRegression(), transformer=normal), X, y
    )
