"""Splits are moved through the steps before the trees, to the exact number where the comparison changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fasttrack.compiler import floats
from tests.budget import budget
from tests.compiler.cases import check_predictor, make_target, mixed_table, number_table

NUMBERS = ["number missing", "whole", "flag", "flag missing", "single"]
TEXT = ["text", "text missing", "words"]


def test_the_largest_input_at_most_a_threshold_is_exact() -> None:
    random = np.random.default_rng(0)
    for mean, scale in zip(random.normal(size=50) * 1e3, np.exp(random.normal(size=50) * 9), strict=True):

        def scale_to_float32(x: Any, mean: float = mean, scale: float = scale) -> Any:
            return ((x - mean) / scale).astype(np.float32).astype(np.float64)

        with np.errstate(over="ignore"):
            largest = floats.largest_input_at_most(scale_to_float32, np.array([0.3, -2.0, 1e-30]))
            assert (scale_to_float32(largest) <= [0.3, -2.0, 1e-30]).all()
            assert (scale_to_float32(np.nextafter(largest, np.inf)) > [0.3, -2.0, 1e-30]).all()


def test_thresholds_that_all_or_no_numbers_satisfy() -> None:
    clipped = floats.largest_input_at_most(lambda x: np.clip(x, -1.0, 1.0), np.array([-1.5, -1.0, 0.5, 1.0]))
    assert clipped.tolist() == [-np.inf, -1.0, 0.5, np.inf]
    assert floats.largest_input_at_most(lambda x: x, np.array([0.0, -0.0])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler()],
        [SimpleImputer(strategy="median", add_indicator=True), RobustScaler()],
        [MinMaxScaler(clip=True), StandardScaler(), MaxAbsScaler()],
        [SimpleImputer(), FunctionTransformer(np.arcsinh), MinMaxScaler((-5, 3))],
        [make_union(SimpleImputer(strategy="constant", fill_value=-9), MissingIndicator(features="all"))],
    ],
    ids=lambda steps: "+".join(type(step).__name__ for step in steps),
)
@pytest.mark.parametrize("trees", [DecisionTreeRegressor(), RandomForestRegressor(5), HistGradientBoostingRegressor()])
def test_steps_before_trees_need_no_operator(steps: list[Any], trees: Any) -> None:
    frame = number_table(150, missing=0.1)
    trees.set_params(random_state=0)
    case = check_predictor(make_pipeline(*steps, trees), frame, make_target(frame, "regression"))
    assert set(case.operators) <= {"TreeEnsemble", "Squeeze", "Identity", "Div"}
    assert len(case.compiled.thresholds)


def test_a_scale_of_zero_does_not_reverse_the_order() -> None:
    weights = {"reversed": -1.0, "zero": 0.0}
    parts = ColumnTransformer(
        [("reversed", StandardScaler(), ["a", "b"]), ("zero", "passthrough", ["c"])],
        transformer_weights=weights,
        remainder="passthrough",
    )
    frame = number_table(120)
    check_predictor(
        make_pipeline(parts, HistGradientBoostingRegressor(max_iter=5)), frame, make_target(frame, "regression")
    )
    check_predictor(make_pipeline(parts, DecisionTreeRegressor()), frame, make_target(frame, "regression"))


def test_many_categories_with_sets_and_orders() -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"id": pd.Series([f"u{i}" for i in random.integers(0, 900, 3_000)], dtype="str")})
    y = frame["id"].str[-1].astype(float).to_numpy() + random.normal(size=3_000) * 0.1
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    check_predictor(make_pipeline(codes, RandomForestRegressor(5, random_state=0)), frame, y)
    few = frame.assign(id=frame["id"].str[-2:])
    native = HistGradientBoostingRegressor(categorical_features=[0], max_iter=20)
    check_predictor(make_pipeline(codes, native), few, y)


def test_consecutive_tests_with_equal_leaves_keep_the_direction_of_missing_values() -> None:
    # onnxruntime merges the tests "a is v, else a is x" if both lead to the same value
    frame = pd.DataFrame({"a": pd.Categorical([*"uvwx", None] * 30, categories=[*"uvwx"])})
    order = np.array([*"vwux", np.nan], dtype=object)
    codes = OrdinalEncoder(categories=[order], encoded_missing_value=5)
    target = np.array([0.0, 10.0, 0.0, 10.0, 10.0] * 30)
    for seed in range(budget(60)):
        tree = DecisionTreeRegressor(splitter="random", random_state=seed)
        check_predictor(make_pipeline(codes, tree), frame, target, edges=10)


@st.composite
def pipelines(draw: st.DrawFn, task: str) -> Any:
    """Pipelines with various steps between the mixed table and trees."""
    scaler = draw(st.sampled_from(["passthrough", StandardScaler(), MinMaxScaler(clip=True), RobustScaler()]))
    strategy = draw(st.sampled_from(["mean", "median", "most_frequent"]))
    imputer = draw(st.sampled_from(["passthrough", SimpleImputer(strategy=strategy, add_indicator=True)]))
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=draw(st.sampled_from([-1, np.nan])))
    rare = draw(st.sampled_from([None, 5, 0.1]))
    hot = OneHotEncoder(
        handle_unknown=draw(st.sampled_from(["ignore", "infrequent_if_exist"])),
        drop=draw(st.sampled_from([None, "first", "if_binary"])),
        min_frequency=rare,
        sparse_output=False,
    )
    parts: list[tuple[str, Any, list[str]]] = [
        # "number" is float64: if all columns were float32, scikit-learn would compute in float32
        ("numbers", make_pipeline(imputer, scaler), ["number", *draw(st.lists(st.sampled_from(NUMBERS), unique=True))]),
        ("text", draw(st.sampled_from([codes, hot])), draw(st.lists(st.sampled_from(TEXT), min_size=1, unique=True))),
    ]
    if draw(st.booleans()):
        parts.reverse()
    before = ColumnTransformer(parts)
    after = draw(st.sampled_from(["passthrough", StandardScaler()]))
    depth = draw(st.sampled_from([1, 3, None]))
    tree = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    boosting = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = draw(st.sampled_from([tree(max_depth=depth), boosting(max_depth=depth, max_iter=6, min_samples_leaf=3)]))
    return make_pipeline(before, after, model.set_params(random_state=0))


def test_single_leaf_trees_beside_tests_with_equal_leaves() -> None:
    words = pd.Series(np.repeat([f"c{i}" for i in range(8)], 20), dtype="str")
    target = np.array([0, 1, 2, 2, 2, 0, 1, 2])[np.repeat(np.arange(8), 20)]
    encoder = OneHotEncoder(sparse_output=False)
    trees = GradientBoostingClassifier(n_estimators=3, max_depth=8, random_state=0)
    check_predictor(make_pipeline(encoder, trees), pd.DataFrame({"text": words}), target)


@settings(max_examples=budget(40), deadline=None, derandomize=True)
@given(data=st.data(), task=st.sampled_from(["regression", "binary", "multiclass"]), seed=st.integers(0, 99))
def test_any_steps_before_trees(data: st.DataObject, task: Any, seed: int) -> None:
    frame = mixed_table(120, seed=seed).drop(columns="when missing")
    pipeline = data.draw(pipelines(task))
    check_predictor(pipeline, frame, make_target(frame, task, seed=seed), edges=400, seed=seed)
