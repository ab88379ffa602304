"""Scalers do the same arithmetic in the same order, so that not a bit differs."""

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

from tests.compiler.cases import Reveal, check, check_transformer, labels, mixed_table, numbers, refusal

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
    frame = numbers(missing=missing)
    frame["constant"] = 2.5
    frame["zero"] = 0.0
    case = check_transformer(scaler, frame)
    assert case.proof.worst == 0.0
    check_transformer(scaler, frame.to_numpy())


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_every_scaler_on_whole_numbers_flags_and_floats_of_both_widths(scaler: Any) -> None:
    frame = mixed_table()[["whole", "flag", "single", "flag missing", "number"]]
    frame["whole missing"] = frame["whole"].astype("Int64").mask(frame["flag"])
    frame["small"] = (frame["whole"] + 6).astype("uint8")
    check_transformer(scaler, frame)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(clip=True), MaxAbsScaler(), RobustScaler()], ids=str)
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e100])
def test_tiny_and_huge_numbers(scaler: Any, scale: float) -> None:
    check_transformer(scaler, numbers() * scale)


def test_scaling_encoded_categories_changes_their_tables_alone() -> None:
    frame = mixed_table()[["text", "words"]]
    case = check_transformer(
        make_pipeline(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), StandardScaler()), frame
    )
    assert not {"Sub", "Div"} & set(case.operators)


@pytest.mark.parametrize(
    "scaler", [StandardScaler(with_mean=False), MaxAbsScaler(), RobustScaler(with_centering=False)], ids=str
)
def test_sparse_columns_are_multiplied_where_dense_ones_are_divided(scaler: Any) -> None:
    frame = mixed_table()[["text", "words", "number", "number missing"]]
    hot = OneHotEncoder(handle_unknown="ignore")
    parts = make_column_transformer((hot, ["text", "words"]), remainder="passthrough")
    for sparse in (parts, make_union(parts, make_pipeline(parts, MaxAbsScaler()))):
        case = check(make_pipeline(sparse, scaler, Reveal()), frame)
        assert case.proof.worst == 0.0
    fill = SimpleImputer(strategy="constant", fill_value=0.0)
    forest = RandomForestRegressor(5, random_state=0)
    check(make_pipeline(parts, fill, scaler, forest), frame, labels(frame, "regression"))


def test_encoded_float32_columns_are_computed_in_float32() -> None:
    codes = make_pipeline(OneHotEncoder(dtype=np.float32, sparse_output=False), StandardScaler(), LinearRegression())
    assert "computes in float32 here" in refusal(codes, mixed_table()[["text"]])


@pytest.mark.parametrize("dtype", ["int8", "uint16", "bool", "int32"])
def test_columns_beside_float32_that_are_computed_in_it(dtype: str) -> None:
    frame = pd.DataFrame({"a": np.arange(40, dtype=np.float32) / 3, "b": (np.arange(40) % 2).astype(dtype)})
    model = make_pipeline(StandardScaler(), LinearRegression())
    if dtype == "int32":  # NumPy joins these two to float64
        check(model, frame, np.arange(40.0) % 7)
    else:
        assert "computes in float32 here" in refusal(model, frame)


def test_columns_of_float32_alone_are_computed_in_float32() -> None:
    frame = pd.DataFrame({"a": np.arange(9, dtype=np.float32), "b": np.ones(9, dtype=np.float32)})
    for X in (frame, frame.to_numpy()):
        message = refusal(make_pipeline(StandardScaler(), LinearRegression()), X)
        assert message == (
            "Pipeline → step 'standardscaler' → StandardScaler: "
            "scikit-learn computes in float32 here; convert the columns to float64 before fitting"
        )
