"""TransformedTargetRegressor: every inverse that has a lowering, and predictions that overflow in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from tests.compiler.cases import check_predictor, compile_error, make_target, number_table

X = number_table(100)
Y = make_target(X, "regression")


@pytest.mark.parametrize(
    ("function", "inverse"),
    [(np.log1p, np.expm1), (np.sqrt, np.square), (np.cbrt, lambda: None), (np.arcsinh, np.sinh), (None, None)],
)
def test_functions(function: Any, inverse: Any) -> None:
    positive = np.abs(Y) + 0.5
    if inverse in (np.expm1, np.square, None):
        inside = make_pipeline(StandardScaler(), Ridge())
        check_predictor(TransformedTargetRegressor(inside, func=function, inverse_func=inverse), X, positive)
        trees = HistGradientBoostingRegressor(max_iter=5)
        check_predictor(TransformedTargetRegressor(trees, func=function, inverse_func=inverse), X, positive)
    else:
        odd = np.sinh if inverse is np.sinh else _cube
        model = TransformedTargetRegressor(LinearRegression(), func=function, inverse_func=odd)
        assert "has no lowering" in compile_error(model, X, positive)


def _cube(x: Any) -> Any:
    return x**3


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler((-1, 2)),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False, with_scaling=False),
        FunctionTransformer(np.log1p, np.expm1),
        make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
    ],
    ids=str,
)
def test_transformers(transformer: Any) -> None:
    check_predictor(TransformedTargetRegressor(LinearRegression(), transformer=transformer), X, np.abs(Y) + 0.5)


def test_predictions_that_overflow_in_the_inverse() -> None:
    steep = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    check_predictor(steep, X, np.exp(np.clip(Y * 50, -600, 600)))


def test_the_error_names_the_transformer_without_an_inverse() -> None:
    bins = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
    message = compile_error(TransformedTargetRegressor(LinearRegression(), transformer=bins, check_inverse=False), X, Y)
    assert "the inverse of KBinsDiscretizer has no lowering" in message
