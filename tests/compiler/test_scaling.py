"""Scalers: the same arithmetic in the same order as in scikit-learn, equal to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from tests.compiler.cases import (
    Reveal,
    check_predictor,
    check_transformer,
    compile_error,
    make_target,
    mixed_table,
    number_table,
)

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler(),
    MinMaxScaler((-3, 5)),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(clip=True),
    RobustScaler(),
    RobustScaler(with_centering=False),
    RobustScaler(with_scaling=False),
    RobustScaler(quantile_range=(5, 80), unit_variance=True),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_every_scaler_on_numbers(scaler: Any, missing: float) -> None:
    frame = number_table(missing=missing)
    frame["constant"] = 2.5
    frame["zero"] = 0.0
    case = check_transformer(scaler, frame)
    assert case.proof.worst == 0.0
    check_transformer(scaler, frame.to_numpy())


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_every_scaler_on_integers_booleans_and_floats_of_both_widths(scaler: Any) -> None:
    frame = mixed_table()[["whole", "flag", "single", "flag missing", "number"]]
    frame["whole missing"] = frame["whole"].astype("Int64").mask(frame["flag"])
    frame["small"] = (frame["whole"] + 6).astype("uint8")
    check_transformer(scaler, frame)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(clip=True), MaxAbsScaler(), RobustScaler()], ids=str)
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e100])
def test_tiny_and_huge_numbers(scaler: Any, scale: float) -> None:
    check_transformer(scaler, number_table() * scale)


def test_scaling_encoded_categories_only_changes_tables() -> None:
    frame = mixed_table()[["text", "words"]]
    case = check_transformer(
        make_pipeline(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), StandardScaler()), frame
    )
    assert not {"Sub", "Div"} & set(case.operators)


@pytest.mark.parametrize(
    "scaler", [StandardScaler(with_mean=False), MaxAbsScaler(), RobustScaler(with_centering=False)], ids=str
)
def test_sparse_columns_are_multiplied_instead_of_divided(scaler: Any) -> None:
    frame = mixed_table()[["text", "words", "number", "number missing"]]
    hot = OneHotEncoder(handle_unknown="ignore")
    parts = make_column_transformer((hot, ["text", "words"]), remainder="passthrough")
    for sparse in (parts, make_union(parts, make_pipeline(parts, MaxAbsScaler()))):
        case = check_predictor(make_pipeline(sparse, scaler, Reveal()), frame)
        assert case.proof.worst == 0.0
    fill = SimpleImputer(strategy="constant", fill_value=0.0)
    forest = RandomForestRegressor(5, random_state=0)
    check_predictor(make_pipeline(parts, fill, scaler, forest), frame, make_target(frame, "regression"))


def test_encoded_float32_columns_do_not_compile() -> None:
    codes = make_pipeline(OneHotEncoder(dtype=np.float32, sparse_output=False), StandardScaler(), LinearRegression())
    assert "computes in float32 here" in compile_error(codes, mixed_table()[["text"]])


@pytest.mark.parametrize("dtype", ["int8", "uint16", "bool", "int32"])
def test_dtypes_that_numpy_joins_with_float32(dtype: str) -> None:
    frame = pd.DataFrame({"a": np.arange(40, dtype=np.float32) / 3, "b": (np.arange(40) % 2).astype(dtype)})
    model = make_pipeline(StandardScaler(), LinearRegression())
    if dtype == "int32":  # NumPy joins int32 and float32 to float64
        check_predictor(model, frame, np.arange(40.0) % 7)
    else:
        assert "computes in float32 here" in compile_error(model, frame)


def test_float32_columns_do_not_compile() -> None:
    frame = pd.DataFrame({"a": np.arange(9, dtype=np.float32), "b": np.ones(9, dtype=np.float32)})
    for X in (frame, frame.to_numpy()):
        message = compile_error(make_pipeline(StandardScaler(), LinearRegression()), X)
        assert message == (
            "Pipeline → step 'standardscaler' → StandardScaler: "
            "scikit-learn computes in float32 here; convert the columns to float64 before fitting"
        )
