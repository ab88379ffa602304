"""FunctionTransformer of NumPy's functions, and what is told of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from tests.compiler.cases import Reveal, check_transformer, mixed_table, numbers, refusal

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


def named(function: Any) -> str:
    return str(function.__name__)


def small(missing: float = 0.1) -> pd.DataFrame:
    """Numbers around zero, with tiny ones."""
    frame = StandardScaler().set_output(transform="pandas").fit_transform(numbers(150, missing=missing))
    frame.iloc[:20] *= 1e-9
    frame.iloc[20:24] = [[0.0], [-0.0], [1e-17], [-3e-200]]
    return pd.DataFrame(frame)


@pytest.mark.parametrize("function", ANYWHERE, ids=named)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_functions_of_all_numbers(function: Any) -> None:
    # a sine of 1e300 is whatever the library at hand makes of it
    edges = 0 if function in (np.sin, np.cos, np.tan) else 400
    check_transformer(FunctionTransformer(function), small(), trees=False, edges=edges)


@pytest.mark.parametrize("function", POSITIVE, ids=named)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered")
def test_functions_of_positive_numbers_give_nothing_for_others(function: Any) -> None:
    check_transformer(FunctionTransformer(function), small().abs() + 1e-12, trees=False)


@pytest.mark.parametrize("function", [np.exp, np.expm1, np.floor, np.arcsinh, special.expit], ids=named)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_rising_functions_move_into_the_trees(function: Any) -> None:
    case = check_transformer(FunctionTransformer(function), small(0.0))
    assert case.proof.passed


def test_whole_numbers() -> None:
    frame = mixed_table()[["whole"]].abs() + 1
    frame["int32"] = frame["whole"].astype("int32")
    for function in (np.log1p, np.sqrt, np.exp):
        check_transformer(FunctionTransformer(function), frame, trees=False)


@pytest.mark.parametrize(
    "bounds", [{"a_min": -0.5, "a_max": 1}, {"a_min": 0, "a_max": None}, {"min": -1.5, "max": 0.25}], ids=str
)
def test_clipping(bounds: dict[str, Any]) -> None:
    check_transformer(FunctionTransformer(np.clip, kw_args=bounds), small())
    check_transformer(FunctionTransformer(np.clip, kw_args=bounds), small().to_numpy(), trees=False)


def test_nothing_is_done_without_a_function() -> None:
    check_transformer(FunctionTransformer(), mixed_table()[["number missing", "whole", "flag"]])
    check_transformer(FunctionTransformer(validate=True), numbers())
    check_transformer(FunctionTransformer(np.exp, validate=True), small(0.0), trees=False)


def test_functions_of_encoded_categories_change_their_tables() -> None:
    encoded = make_pipeline(OneHotEncoder(sparse_output=False), FunctionTransformer(np.log1p))
    assert "Log" not in check_transformer(encoded, mixed_table()[["text", "words"]]).operators


@pytest.mark.parametrize(
    ("transformer", "columns", "message"),
    [
        (FunctionTransformer(np.cumsum), ["number"], "the function cumsum has no lowering; use one of NumPy's, or "),
        (FunctionTransformer(lambda x: x + 1), ["number"], "the function <lambda> has no lowering"),
        (FunctionTransformer(np.exp, kw_args={"dtype": "float64"}), ["number"], "kw_args have no lowering; make it a"),
        (FunctionTransformer(np.square), ["whole"], "np.square of int64 columns is not that of float64; convert them"),
        (FunctionTransformer(np.log1p), ["single", "number"], "np.log1p of float32 columns is not that of float64"),
        (FunctionTransformer(np.clip, kw_args={"a_min": [0.0], "a_max": 1}), ["number"], "numbers a_min and a_max"),
    ],
    ids=lambda case: str(case)[:40],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered")
def test_what_has_no_lowering_says_why(transformer: Any, columns: list[str], message: str) -> None:
    told = refusal(make_pipeline(transformer, Reveal()), mixed_table()[columns])
    assert told.startswith("Pipeline → step 'functiontransformer' → FunctionTransformer: ")
    assert message in told
