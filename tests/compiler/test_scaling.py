"""Scalers do the same arithmetic in the same order, so that not a bit differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from tests.compiler.cases import check_transformer, mixed_table, numbers, refusal

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


@pytest.mark.parametrize("scaler", [StandardScaler(with_mean=False), MaxAbsScaler()], ids=str)
def test_sparse_columns(scaler: Any) -> None:
    frame = mixed_table()[["text", "words"]]
    check_transformer(make_pipeline(OneHotEncoder(handle_unknown="ignore"), scaler), frame, trees=False)


def test_encoded_float32_columns_are_computed_in_float32() -> None:
    codes = make_pipeline(OneHotEncoder(dtype=np.float32, sparse_output=False), StandardScaler(), LinearRegression())
    assert "computes in float32 here" in refusal(codes, mixed_table()[["text"]])


def test_columns_of_float32_alone_are_computed_in_float32() -> None:
    frame = pd.DataFrame({"a": np.arange(9, dtype=np.float32), "b": np.ones(9, dtype=np.float32)})
    for X in (frame, frame.to_numpy()):
        message = refusal(make_pipeline(StandardScaler(), LinearRegression()), X)
        assert message == (
            "Pipeline → step 'standardscaler' → StandardScaler: "
            "scikit-learn computes in float32 here; convert the columns to float64 before fitting"
        )
