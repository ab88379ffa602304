"""MultiOutputRegressor and RegressorChain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.budget import budget
from tests.compiler.cases import check_predictor, compile_error, make_target, mixed_table, number_table

MEMBERS = {
    "ridge": make_pipeline(StandardScaler(), Ridge()),
    "forest": RandomForestRegressor(6, max_depth=5, random_state=0),
    "boosting": HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=5, early_stopping=False),
}
WAYS = {"classifier": MultiOutputRegressor, "chain": RegressorChain}


def _targets(frame: pd.DataFrame, count: int, seed: int = 0) -> Any:
    return np.column_stack([make_target(frame, "regression", seed=seed + i) * 10.0**i for i in range(count)])


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("member", list(MEMBERS))
@pytest.mark.parametrize("count", [1, 3])
def test_members(way: str, member: str, count: int) -> None:
    frame = number_table(120)
    case = check_predictor(WAYS[way](MEMBERS[member]), frame, _targets(frame, count))
    check_predictor(WAYS[way](MEMBERS[member]), frame.to_numpy(), _targets(frame, count))
    assert case.predict(case.matrix)["prediction"].shape == (120, count)


@pytest.mark.parametrize("order", [[2, 0, 1], (1, 2, 0), "random", None], ids=str)
@pytest.mark.parametrize("cv", [None, 3])
def test_orders_of_a_chain(order: Any, cv: int | None) -> None:
    frame = number_table(90)
    chain = RegressorChain(MEMBERS["forest"], order=order, cv=cv, random_state=1)
    assert check_predictor(chain, frame, _targets(frame, 3)).proof.worst == 0.0


def test_missing_values() -> None:
    frame = number_table(90, missing=0.2)
    check_predictor(MultiOutputRegressor(MEMBERS["boosting"]), frame, _targets(frame, 2))


@pytest.mark.parametrize("way", list(WAYS))
def test_every_kind_of_column(way: str) -> None:
    frame = mixed_table().drop(columns="when missing")
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["text", "text missing"]), (StandardScaler(), ["number", "whole"])
    )
    check_predictor(make_pipeline(parts, WAYS[way](LinearRegression())), frame, _targets(frame, 2))
    check_predictor(make_pipeline(parts, WAYS[way](MEMBERS["boosting"])), frame, _targets(frame, 2))


def test_a_chain_computes_float32_columns_in_float64() -> None:
    frame = number_table(80).astype(np.float32)
    check_predictor(RegressorChain(MEMBERS["ridge"]), frame, _targets(frame, 2))
    assert "float32" in compile_error(MultiOutputRegressor(LinearRegression()), frame, _targets(frame, 2))


def test_classifiers_do_not_compile() -> None:
    frame = number_table(60)
    classifier = MultiOutputRegressor(RandomForestClassifier(2, random_state=0))
    assert "is a classifier" in compile_error(classifier, frame, np.eye(3, dtype=int)[np.arange(60) % 3])


@settings(max_examples=budget(15), deadline=None, derandomize=True)
@given(
    rows=st.integers(6, 60),
    columns=st.integers(1, 4),
    count=st.integers(1, 4),
    way=st.sampled_from(list(WAYS)),
    member=st.sampled_from(list(MEMBERS)),
    seed=st.integers(0, 2**20),
)
def test_any_table(rows: int, columns: int, count: int, way: str, member: str, seed: int) -> None:
    frame = number_table(rows, columns, seed=seed)
    check_predictor(WAYS[way](MEMBERS[member]), frame, _targets(frame, count, seed), edges=200, seed=seed)
