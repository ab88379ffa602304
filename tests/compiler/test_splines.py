"""SplineTransformer: degrees, knots and extrapolation."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from tests.compiler.cases import check_predictor, check_transformer, compile_error, make_target, number_table

X = number_table(80)[["a", "b", "d"]] / [1.0, 50.0, 3e4]


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "error", "periodic"])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_extrapolation(extrapolation: Any, degree: int) -> None:
    check_transformer(SplineTransformer(4, degree, extrapolation=extrapolation), X, trees=False)


@pytest.mark.parametrize("degree", [0, 1])
def test_linear_extrapolation(degree: int) -> None:
    check_transformer(SplineTransformer(4, degree, extrapolation="continue"), X, trees=False)


@pytest.mark.parametrize("options", [{"include_bias": False}, {"knots": "quantile"}, {"sparse_output": True}])
def test_options(options: dict[str, Any]) -> None:
    check_transformer(SplineTransformer(5, **options), X, trees=False)


def test_missing_values_become_zeros() -> None:
    frame = number_table(80, missing=0.1)[["a", "b", "d"]]
    check_transformer(SplineTransformer(4, handle_missing="zeros"), frame, trees=False)


def test_before_a_linear_model_and_splines_without_pieces() -> None:
    target = make_target(X, "regression")
    check_predictor(make_pipeline(StandardScaler(), SplineTransformer(), Ridge()), X, target)
    assert "degree 0" in compile_error(make_pipeline(SplineTransformer(4, 0), Ridge()), X, target)
