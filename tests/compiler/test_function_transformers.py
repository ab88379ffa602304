"""FunctionTransformer with functions of NumPy and SciPy, and the errors for other functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from tests.compiler.cases import Reveal, check_transformer, compile_error, mixed_table, number_table

ANYWHERE = [
    np.abs,
    np.fabs,
    np.arcsinh,
    np.cbrt,
    np.ceil,
    np.cos,
    np.exp,
    np.exp2,
    np.expm1,
    np.floor,
    np.negative,
    np.rint,
    np.round,
    np.sign,
    np.sin,
    np.square,
    np.tanh,
    np.tan,
    special.expit,
]
POSITIVE = [np.log, np.log10, np.log1p, np.log2, np.sqrt, np.reciprocal]


def function_name(function: Any) -> str:
    return str(function.__name__)


def small_numbers(missing: float = 0.1) -> pd.DataFrame:
    """Numbers around zero, some of them tiny."""
    frame = StandardScaler().set_output(transform="pandas").fit_transform(number_table(150, missing=missing))
    frame.iloc[:20] *= 1e-9
    frame.iloc[20:24] = [[0.0], [-0.0], [1e-17], [-3e-200]]
    return pd.DataFrame(frame)


@pytest.mark.parametrize("function", ANYWHERE, ids=function_name)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_functions_of_all_numbers(function: Any) -> None:
    # the sine of a very large number differs between mathematical libraries
    edges = 0 if function in (np.sin, np.cos, np.tan) else 400
    check_transformer(FunctionTransformer(function), small_numbers(), trees=False, edges=edges)


@pytest.mark.parametrize("function", POSITIVE, ids=function_name)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered")
def test_functions_that_are_undefined_for_negative_numbers(function: Any) -> None:
    check_transformer(FunctionTransformer(function), small_numbers().abs() + 1e-12, trees=False)


@pytest.mark.parametrize("function", [np.exp, np.expm1, np.floor, np.arcsinh, special.expit], ids=function_name)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_monotone_functions_move_into_the_trees(function: Any) -> None:
    case = check_transformer(FunctionTransformer(function), small_numbers(0.0))
    assert case.proof.passed


def test_integers() -> None:
    frame = mixed_table()[["whole"]].abs() + 1
    frame["int32"] = frame["whole"].astype("int32")
    for function in (np.log1p, np.sqrt, np.exp):
        check_transformer(FunctionTransformer(function), frame, trees=False)


@pytest.mark.parametrize(
    "bounds", [{"a_min": -0.5, "a_max": 1}, {"a_min": 0, "a_max": None}, {"min": -1.5, "max": 0.25}], ids=str
)
def test_clipping(bounds: dict[str, Any]) -> None:
    check_transformer(FunctionTransformer(np.clip, kw_args=bounds), small_numbers())
    check_transformer(FunctionTransformer(np.clip, kw_args=bounds), small_numbers().to_numpy(), trees=False)


def test_no_function() -> None:
    check_transformer(FunctionTransformer(), mixed_table()[["number missing", "whole", "flag"]])
    check_transformer(FunctionTransformer(validate=True), number_table())
    check_transformer(FunctionTransformer(np.exp, validate=True), small_numbers(0.0), trees=False)


def test_functions_of_encoded_categories_only_change_tables() -> None:
    encoded = make_pipeline(OneHotEncoder(sparse_output=False), FunctionTransformer(np.log1p))
    assert "Log" not in check_transformer(encoded, mixed_table()[["text", "words"]]).operators


@pytest.mark.parametrize(
    ("transformer", "columns", "message"),
    [
        (FunctionTransformer(np.cumsum), ["number"], "the function cumsum has no lowering; use a function of NumPy"),
        (FunctionTransformer(lambda x: x + 1), ["number"], "the function <lambda> has no lowering"),
        (FunctionTransformer(np.exp, kw_args={"dtype": "float64"}), ["number"], "kw_args have no lowering; write a"),
        (FunctionTransformer(np.square), ["whole"], "np.square of int64 columns differs from that of float64; convert"),
        (
            FunctionTransformer(np.log1p),
            ["single", "number"],
            "np.log1p of float32 columns differs from that",
        ),
        (FunctionTransformer(np.clip, kw_args={"a_min": [0.0], "a_max": 1}), ["number"], "numbers a_min and a_max"),
    ],
    ids=lambda case: str(case)[:40],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered")
def test_the_error_gives_the_reason(transformer: Any, columns: list[str], message: str) -> None:
    error = compile_error(make_pipeline(transformer, Reveal()), mixed_table()[columns])
    assert error.startswith("Pipeline → step 'functiontransformer' → FunctionTransformer: ")
    assert message in error
