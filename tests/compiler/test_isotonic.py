"""Isotonic regression: exact segments, the interpolation of NumPy, and every treatment of numbers out of bounds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fasttrack.compiler import NotCompilable
from fasttrack.compiler.lowerings.isotonic import isotonic_curve
from tests.budget import budget
from tests.compiler.cases import check_predictor, compile_error


def rising_data(rows: int, seed: int = 0) -> tuple[pd.DataFrame, Any]:
    random = np.random.default_rng(seed)
    x = random.normal(size=rows).round(2) * 10
    return pd.DataFrame({"a": x}), x + random.normal(size=rows) * 8


@pytest.mark.parametrize("bounds", ["nan", "clip", "raise"])
@pytest.mark.parametrize("options", [{}, {"increasing": False}, {"y_min": -1.0, "y_max": 2.0}], ids=str)
def test_bounds(bounds: str, options: dict[str, Any]) -> None:
    frame, y = rising_data(150)
    case = check_predictor(IsotonicRegression(out_of_bounds=bounds, **options), frame, y)
    assert case.proof.worst == 0.0
    check_predictor(IsotonicRegression(out_of_bounds=bounds, **options), frame.to_numpy(), y)
    outside = np.array([[1e300], [frame["a"].min()], [np.nextafter(frame["a"].min(), -np.inf)]])
    assert case.refused_rows(outside).tolist() == ([True, False, True] if bounds == "raise" else [False] * 3)


@pytest.mark.parametrize("bounds", ["nan", "clip", "raise"])
def test_a_constant_target_and_a_single_row(bounds: str) -> None:
    for rows in (1, 2, 30):
        frame = pd.DataFrame({"a": np.full(rows, 2.5)})
        check_predictor(IsotonicRegression(out_of_bounds=bounds), frame, np.arange(rows) * 1.0)
        frame = pd.DataFrame({"a": np.arange(rows) * -0.1})
        check_predictor(IsotonicRegression(out_of_bounds=bounds), frame, np.ones(rows))


def test_very_close_and_very_large_numbers() -> None:
    random = np.random.default_rng(0)
    for scale in (1e-300, 1e-12, 1e12, 1e150):
        frame = pd.DataFrame({"a": random.normal(size=60) * scale})
        check_predictor(IsotonicRegression(out_of_bounds="clip"), frame, random.normal(size=60))
    steps = pd.DataFrame({"a": 1 + np.arange(40) * 2.0**-50})
    check_predictor(IsotonicRegression(out_of_bounds="clip"), steps, np.arange(40) % 7 + np.arange(40))
    far_apart = IsotonicRegression().fit([[-1.5e308], [1.5e308]], [0.0, 2.0])
    with pytest.raises(NotCompilable, match="too far"):
        isotonic_curve(far_apart)


def test_sample_weights_and_an_integer_column() -> None:
    frame = pd.DataFrame({"a": np.arange(90) % 23})
    y = np.sqrt(frame["a"]) + np.random.default_rng(0).normal(size=90)
    weights = np.arange(90) % 4 * 1.0
    check_predictor(IsotonicRegression(), frame, y, fit={"sample_weight": weights})


def test_after_other_steps() -> None:
    frame, y = rising_data(80)
    frame.iloc[::9] = np.nan
    check_predictor(
        make_pipeline(SimpleImputer(), StandardScaler(), IsotonicRegression(out_of_bounds="clip")), frame, y
    )
    check_predictor(make_pipeline(SimpleImputer(), IsotonicRegression(out_of_bounds="raise")), frame, y)
    words = pd.DataFrame({"a": pd.Series(["x", "y"] * 30, dtype="str")})
    encoder = OneHotEncoder(drop="if_binary", handle_unknown="ignore", sparse_output=False)
    check_predictor(make_pipeline(encoder, IsotonicRegression(out_of_bounds="clip")), words, np.arange(60.0) % 8)


def test_float32_does_not_compile() -> None:
    frame, y = rising_data(40)
    assert "float32" in compile_error(IsotonicRegression(), frame.astype(np.float32), y)


@settings(max_examples=budget(40), deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    bounds=st.sampled_from(["nan", "clip", "raise"]),
    increasing=st.sampled_from([True, False, "auto"]),
    seed=st.integers(0, 2**20),
)
def test_any_numbers(values: list[float], bounds: str, increasing: Any, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=len(values)).round(1)
    model = IsotonicRegression(out_of_bounds=bounds, increasing=increasing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the direction is uncertain
        check_predictor(model, pd.DataFrame({"a": values}), y, edges=300, seed=seed)
