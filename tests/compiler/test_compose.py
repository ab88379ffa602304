"""Pipelines, column transformers and feature unions put the same columns in the same order as scikit-learn does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from tests.compiler.cases import Reveal, check, check_transformer, labels, mixed_table, numbers, refusal

SCALE = StandardScaler()


def named(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if name != "d"]


@pytest.mark.parametrize(
    "columns",
    [
        ["c", "a"],
        [2, 0],
        [-1, 0],
        slice(1, 3),
        slice("b", "d"),
        [True, False, True, False],
        np.array([3, 1]),
        make_column_selector(pattern="[ad]"),
        make_column_selector(dtype_include="number"),
        named,
        lambda frame: [1],
    ],
    ids=lambda one: getattr(one, "__name__", type(one).__name__) if callable(one) else str(one),
)
def test_columns_are_selected_in_every_way(columns: Any) -> None:
    frame = numbers()
    rest = [name for name in "abcd" if name not in ("a", "c")]
    check_transformer(ColumnTransformer([("some", SCALE, columns), ("min", MinMaxScaler(), rest)]), frame)


@pytest.mark.parametrize("remainder", ["drop", "passthrough", MinMaxScaler(), make_pipeline(SCALE, MinMaxScaler())])
def test_the_remainder_comes_last(remainder: Any) -> None:
    frame = numbers()
    check_transformer(ColumnTransformer([("some", SCALE, ["c"])], remainder=remainder), frame)
    check_transformer(ColumnTransformer([("some", SCALE, [2])], remainder=remainder), frame.to_numpy())


def test_parts_are_dropped_passed_repeated_and_empty() -> None:
    made = check_transformer(
        ColumnTransformer(
            [
                ("gone", "drop", ["a"]),
                ("kept", "passthrough", ["d", "b"]),
                ("none", SCALE, []),
                ("again", RobustScaler(), ["b", "a"]),
                ("nowhere", SCALE, make_column_selector(pattern="z")),
            ],
            remainder="passthrough",
        ),
        numbers(),
    )
    assert made.predict(made.matrix)["prediction"].shape == (120, 5)


@pytest.mark.parametrize("verbose", [True, False, "{feature_name}--{transformer_name}"])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_names_and_pandas_output_change_no_number(verbose: Any, output: str) -> None:
    inner = ColumnTransformer(
        [("few", OneHotEncoder(sparse_output=False), ["text"]), ("rest", SCALE, ["whole", "number"])],
        verbose_feature_names_out=verbose,
    ).set_output(transform=output)
    check_transformer(make_pipeline(inner, SCALE), mixed_table(), trees=False)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_sparse_columns_are_the_same_numbers(threshold: float) -> None:
    parts = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), ["words", "text"]), ("number", SCALE, ["number"])],
        sparse_threshold=threshold,
    )
    frame = mixed_table()
    check_transformer(parts, frame, trees=threshold == 0.0)
    check(make_pipeline(parts, LinearRegression()), frame, labels(frame, "regression"))


def test_weights_multiply_the_columns() -> None:
    weights = {"numbers": 0.3, "words": -2.0, "passed": 1e-3}
    parts: list[tuple[str, Any, Any]] = [
        ("numbers", SCALE, ["number", "whole"]),
        ("words", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7), ["words"]),
        ("passed", "passthrough", ["whole", "flag missing"]),
    ]
    check_transformer(ColumnTransformer(parts, transformer_weights=weights), mixed_table())
    union = [("scaled", SCALE), ("same", "passthrough"), ("gone", "drop"), ("ranged", MinMaxScaler())]
    check_transformer(FeatureUnion(union, transformer_weights={"same": 2.5, "ranged": 0.0}), numbers())


def test_a_weighted_flag_is_a_number() -> None:
    parts = ColumnTransformer([("flag", "passthrough", ["flag"])], transformer_weights={"flag": 3.0})
    check_transformer(parts, mixed_table())


def test_pipelines_nest_and_steps_pass() -> None:
    inner = Pipeline([("none", None), ("pass", "passthrough"), ("scale", RobustScaler())])
    both = make_union(inner, make_pipeline(MinMaxScaler(), FunctionTransformer(np.exp)))
    check_transformer(Pipeline([("inner", both), ("outer", make_pipeline(StandardScaler()))]), numbers())
    check_transformer(ColumnTransformer([("x", make_pipeline("passthrough", inner), ["b", "a"])]), numbers())
    check_transformer(Pipeline([("all", "passthrough")]), numbers())


def test_a_pipeline_that_remembers_its_steps(tmp_path: Any) -> None:
    check_transformer(Pipeline([("one", StandardScaler()), ("two", MinMaxScaler())], memory=str(tmp_path)), numbers())


def test_a_column_transformer_behind_another_sees_its_columns() -> None:
    first = ColumnTransformer([("b", SCALE, ["b", "a"])], remainder="passthrough").set_output(transform="pandas")
    second = ColumnTransformer([("again", MinMaxScaler(), make_column_selector(pattern="remainder"))])
    check_transformer(make_pipeline(first, second), numbers())
    check_transformer(make_pipeline(SCALE, ColumnTransformer([("x", MinMaxScaler(), [-1, 1])])), numbers())


def test_one_row_one_column_and_constants() -> None:
    check_transformer(SCALE, numbers(2, 1), trees=False)
    constant = pd.DataFrame({"a": [3.0] * 30, "b": np.arange(30.0)})
    check_transformer(make_union(StandardScaler(), MinMaxScaler()), constant)


def test_a_single_column_as_a_vector_is_not_lowered() -> None:
    parts = ColumnTransformer([("part", FunctionTransformer(lambda x: np.asarray(x).reshape(-1, 1)), "a")])
    message = refusal(make_pipeline(parts, LinearRegression()), numbers())
    assert message == (
        "Pipeline → step 'columntransformer' → ColumnTransformer → step 'part': "
        "it takes a single column as a vector; list its name to give it a table"
    )


def test_what_is_in_the_way_is_named_from_the_outside_in() -> None:
    inner = make_column_transformer((FunctionTransformer(np.cumsum), ["a"]), remainder=SCALE)
    message = refusal(make_pipeline(inner, LinearRegression()), numbers())
    assert message.startswith("Pipeline → step 'columntransformer' → ColumnTransformer → step 'functiontransformer' → ")
    assert "FunctionTransformer: the function cumsum has no lowering" in message


def test_a_pipeline_that_only_transforms_is_none_that_predicts() -> None:
    assert "Pipeline transforms, where a regressor or classifier was expected" in refusal(
        make_pipeline(StandardScaler(), MinMaxScaler()), numbers()
    )


def test_weighted_columns_of_float32_are_multiplied_in_float32() -> None:
    message = "its weight multiplies float32 columns in float32; convert them to float64 before fitting"
    for step, columns in (("passthrough", ["number", "single"]), (OneHotEncoder(dtype=np.float32), ["text"])):
        parts = ColumnTransformer([("weighted", step, columns)], transformer_weights={"weighted": 0.3})
        assert refusal(make_pipeline(parts, Reveal()), mixed_table()).endswith(message)


def test_text_that_nothing_encodes_is_told() -> None:
    message = refusal(make_pipeline(SimpleImputer(strategy="most_frequent"), Reveal()), mixed_table()[["text"]])
    assert message == (
        "Pipeline → step 'reveal' → Reveal: text reaches a step that computes with numbers; encode it before"
    )


def test_a_moment_that_nothing_reads_is_told() -> None:
    message = refusal(make_pipeline("passthrough", Reveal()), mixed_table()[["when missing"]])
    assert message == (
        "Pipeline → step 'reveal' → Reveal: column 'when missing' is a date and time, "
        "and reaches a step that computes with numbers"
    )
