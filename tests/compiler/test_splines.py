"""Splines: degrees, knots, and what lies beyond them."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from tests.compiler.cases import check, check_transformer, labels, numbers, refusal

X = numbers(80)[["a", "b", "d"]] / [1.0, 50.0, 3e4]


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "error", "periodic"])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_beyond_the_knots(extrapolation: Any, degree: int) -> None:
    check_transformer(SplineTransformer(4, degree, extrapolation=extrapolation), X, trees=False)


@pytest.mark.parametrize("degree", [0, 1])
def test_pieces_continued(degree: int) -> None:
    check_transformer(SplineTransformer(4, degree, extrapolation="continue"), X, trees=False)


@pytest.mark.parametrize("options", [{"include_bias": False}, {"knots": "quantile"}, {"sparse_output": True}])
def test_options(options: dict[str, Any]) -> None:
    check_transformer(SplineTransformer(5, **options), X, trees=False)


def test_missing_values_make_zeros() -> None:
    frame = numbers(80, missing=0.1)[["a", "b", "d"]]
    check_transformer(SplineTransformer(4, handle_missing="zeros"), frame, trees=False)


def test_before_a_line_and_what_has_no_pieces() -> None:
    answers = labels(X, "regression")
    check(make_pipeline(StandardScaler(), SplineTransformer(), Ridge()), X, answers)
    assert "degree 0" in refusal(make_pipeline(SplineTransformer(4, 0), Ridge()), X, answers)
