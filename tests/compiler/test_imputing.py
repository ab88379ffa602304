"""Imputers and missing indicators: every strategy, for numbers, text and custom missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.compiler.cases import (
    Reveal,
    check_predictor,
    check_transformer,
    compile_error,
    make_target,
    mixed_table,
    number_table,
)

STRATEGIES = ["mean", "median", "most_frequent", "constant"]
TEXT = ["text", "text missing", "words"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("indicate", [False, True])
@pytest.mark.parametrize("empty", ["none", "kept", "dropped"])
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_numbers(strategy: str, indicate: bool, empty: str) -> None:
    frame = number_table(missing=0.2)
    frame["whole"] = np.arange(len(frame)) % 7
    if empty != "none":
        frame.insert(1, "empty", np.nan)
    imputer = SimpleImputer(strategy=strategy, add_indicator=indicate, keep_empty_features=empty == "kept")
    check_transformer(imputer, frame)
    check_transformer(imputer, frame.to_numpy(), trees=False)


@pytest.mark.parametrize("value", [None, 0, -1.5, 3e30, 7])
def test_a_constant(value: Any) -> None:
    check_transformer(SimpleImputer(strategy="constant", fill_value=value), number_table(missing=0.3))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("missing", [-1, 0, 3.0])
def test_a_number_as_missing_value(strategy: str, missing: float) -> None:
    frame = pd.DataFrame(np.random.default_rng(3).integers(-1, 4, (80, 3)), columns=["a", "b", "c"])
    for X in (frame, frame.astype(float), frame.to_numpy()):
        check_transformer(SimpleImputer(strategy=strategy, missing_values=missing, add_indicator=True), X)
        check_transformer(MissingIndicator(missing_values=missing, features="all"), X)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_booleans_integers_and_floats_of_both_widths(strategy: str) -> None:
    frame = mixed_table()[["whole", "flag missing", "single", "number missing"]]
    frame["whole missing"] = frame["whole"].astype("Int64").mask(frame["whole"] > 50)
    frame["single missing"] = frame["single"].mask(frame["whole"] < 4)
    check_transformer(SimpleImputer(strategy=strategy, add_indicator=True), frame)


def test_values_imputed_into_float32_columns_are_float32() -> None:
    frame = number_table(missing=0.3).astype(np.float32)
    for strategy in STRATEGIES:
        check_transformer(SimpleImputer(strategy=strategy, add_indicator=True), frame)
    check_transformer(SimpleImputer(strategy="constant", fill_value=0.1), frame)
    check_transformer(SimpleImputer(strategy="constant", fill_value=0.1), frame.to_numpy())


@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
@pytest.mark.parametrize("indicate", [False, True])
@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_text(strategy: str, indicate: bool, dtype: str) -> None:
    frame = mixed_table()[TEXT]
    if dtype != "str":
        frame = frame.astype(object).where(frame.notna(), np.nan).astype(dtype)
    imputer = SimpleImputer(strategy=strategy, add_indicator=indicate)
    check_transformer(make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore", sparse_output=False)), frame)
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    check_transformer(make_pipeline(imputer, codes), frame)


@pytest.mark.parametrize("fill", ["x", "never seen"])
def test_a_constant_word(fill: str) -> None:
    imputer = SimpleImputer(strategy="constant", fill_value=fill, missing_values=np.nan)
    check_transformer(
        make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        mixed_table()[TEXT],
    )


def test_a_word_as_missing_value() -> None:
    frame = mixed_table()[["text"]]
    imputer = SimpleImputer(strategy="most_frequent", missing_values="rare", add_indicator=True)
    check_transformer(make_pipeline(imputer, OneHotEncoder(sparse_output=False, handle_unknown="ignore")), frame)
    imputer = SimpleImputer(strategy="most_frequent", missing_values="not there")
    assert "missing_values='not there' is not a category of each of its columns" in compile_error(
        make_pipeline(imputer, OneHotEncoder(), LinearRegression()), frame
    )


def test_none_as_missing_value() -> None:
    frame = mixed_table()[["text missing"]].astype(object)
    frame = frame.where(frame.notna(), None)
    imputer = SimpleImputer(strategy="most_frequent", missing_values=None, add_indicator=True)
    check_transformer(make_pipeline(imputer, OneHotEncoder(sparse_output=False, handle_unknown="ignore")), frame)


@pytest.mark.parametrize("features", ["missing-only", "all"])
@pytest.mark.parametrize("strict", [True, False])
def test_indicators(features: Any, strict: bool) -> None:
    frame = number_table(missing=0.2)
    frame["full"] = np.arange(len(frame)) * 0.5
    check_transformer(MissingIndicator(features=features, error_on_new=strict), frame)
    text = mixed_table()[TEXT]
    check_transformer(MissingIndicator(features=features, error_on_new=strict), text)
    mixed = mixed_table()[["number missing", "whole", "flag", "flag missing"]]
    check_transformer(MissingIndicator(features=features, error_on_new=strict), mixed)


def test_the_indicator_refuses_missing_values_if_training_had_none() -> None:
    frame = number_table(missing=0.2)[["a", "b"]]
    frame["b"] = 1.5
    union = FeatureUnion([("indicator", MissingIndicator(error_on_new=True)), ("imputer", SimpleImputer())])
    case = check_predictor(make_pipeline(union, LinearRegression()), frame, make_target(frame.fillna(0), "regression"))
    assert case.compiled.input_rules.must_be_present == ()  # the contract itself refuses them


def test_indicators_of_computed_columns() -> None:
    frame = number_table(missing=0.2)
    check_transformer(make_pipeline(StandardScaler(), MissingIndicator()), frame)
    check_transformer(make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), SimpleImputer()), frame)
    both = make_union(SimpleImputer(strategy="median"), MissingIndicator(features="all"))
    check_transformer(make_pipeline(both, StandardScaler()), frame)


def test_imputed_values_move_into_the_trees() -> None:
    frame = number_table(missing=0.2)
    case = check_transformer(make_pipeline(SimpleImputer(), StandardScaler()), frame)
    assert {"IsNaN", "Where"} <= set(case.operators)  # Reveal needs the imputed numbers themselves


def test_imputed_pandas_categories_of_numbers() -> None:
    frame = pd.DataFrame({"a": pd.Categorical([3, 1, None, 1, 3, 5] * 5), "b": np.arange(30.0)})
    check_transformer(SimpleImputer(strategy="most_frequent"), frame)


def test_dates_are_not_imputed() -> None:
    message = compile_error(
        make_pipeline(SimpleImputer(strategy="most_frequent"), Reveal()), mixed_table()[["when missing"]]
    )
    assert "SimpleImputer: its input is a date and time; extract calendar features first" in message
