"""Transformed targets: every inverse that is known, and what overflows on the way back."""

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

from tests.compiler.cases import check, labels, numbers, refusal

X = numbers(100)
Y = labels(X, "regression")


@pytest.mark.parametrize(
    ("function", "inverse"),
    [(np.log1p, np.expm1), (np.sqrt, np.square), (np.cbrt, lambda: None), (np.arcsinh, np.sinh), (None, None)],
)
def test_functions(function: Any, inverse: Any) -> None:
    positive = np.abs(Y) + 0.5
    if inverse in (np.expm1, np.square, None):
        inside = make_pipeline(StandardScaler(), Ridge())
        check(TransformedTargetRegressor(inside, func=function, inverse_func=inverse), X, positive)
        trees = HistGradientBoostingRegressor(max_iter=5)
        check(TransformedTargetRegressor(trees, func=function, inverse_func=inverse), X, positive)
    else:
        odd = np.sinh if inverse is np.sinh else _cube
        model = TransformedTargetRegressor(LinearRegression(), func=function, inverse_func=odd)
        assert "has no lowering" in refusal(model, X, positive)


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
    check(TransformedTargetRegressor(LinearRegression(), transformer=transformer), X, np.abs(Y) + 0.5)


def test_predictions_that_overflow_on_the_way_back() -> None:
    steep = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    check(steep, X, np.exp(np.clip(Y * 50, -600, 600)))


def test_what_has_no_inverse_is_named() -> None:
    bins = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
    said = refusal(TransformedTargetRegressor(LinearRegression(), transformer=bins, check_inverse=False), X, Y)
    assert "the inverse of KBinsDiscretizer has no lowering" in said
