"""PowerTransformer, at the powers where its formulas change, too, and Binarizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import Binarizer, PowerTransformer

from tests.compiler.cases import check_predictor, check_transformer, make_target, number_table

X = number_table(90, missing=0.05)[["a", "b", "d"]]
SPANS = np.array([1.0, 50.0, 3e4])


@pytest.mark.parametrize("standardize", [True, False])
def test_yeo_johnson(standardize: bool) -> None:
    check_transformer(PowerTransformer(standardize=standardize), X / SPANS, trees=False)


@pytest.mark.parametrize("standardize", [True, False])
def test_box_cox_refuses_numbers_that_are_not_positive(standardize: bool) -> None:
    positive = np.exp(X / SPANS / 3)
    check_transformer(PowerTransformer("box-cox", standardize=standardize), positive, trees=False)


@pytest.mark.parametrize("power", [0.0, 2.0, 1.0, -0.7, 1e-18])
@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_powers_where_the_formula_changes(method: Any, power: float) -> None:
    frame = np.exp(number_table(60)[["a", "b", "d"]] / SPANS / 3)
    transformer = _FixedPower(method, power=power).fit(frame)
    assert transformer.lambdas_.tolist() == [power] * 3
    check_transformer(transformer, frame if method == "box-cox" else frame - 1, trees=False)


class _FixedPower(PowerTransformer):  # type: ignore[misc]  # scikit-learn ships no types
    """A PowerTransformer that replaces its fitted powers by a given one."""

    def __init__(self, method: Any = "yeo-johnson", *, standardize: bool = False, copy: bool = True, power: float = 1):
        super().__init__(method, standardize=standardize, copy=copy)
        self.power = power

    def fit(self, X: Any, y: Any = None) -> _FixedPower:
        super().fit(X, y)
        self.lambdas_ = np.full(X.shape[1], self.power)
        self.__class__ = PowerTransformer  # the class whose lowering is used
        return self


@pytest.mark.parametrize("threshold", [0.0, 0.5, -3.0])
def test_thresholds(threshold: float) -> None:
    check_transformer(Binarizer(threshold=threshold), number_table(80))


@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_transformed_targets(method: Any) -> None:
    frame = number_table(90)
    target = np.exp(make_target(frame, "regression") / 8)
    check_predictor(TransformedTargetRegressor(LinearRegression(), transformer=PowerTransformer(method)), frame, target)
