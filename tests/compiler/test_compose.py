"""Pipelines, column transformers and feature unions: the same columns in the same order as in scikit-learn."""

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

from tests.compiler.cases import (
    Reveal,
    check_predictor,
    check_transformer,
    compile_error,
    make_target,
    mixed_table,
    number_table,
)

SCALE = StandardScaler()


def column_names(frame: pd.DataFrame) -> list[str]:
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
        column_names,
        lambda frame: [1],
    ],
    ids=lambda columns: getattr(columns, "__name__", type(columns).__name__) if callable(columns) else str(columns),
)
def test_every_way_to_select_columns(columns: Any) -> None:
    frame = number_table()
    others = [name for name in "abcd" if name not in ("a", "c")]
    check_transformer(ColumnTransformer([("some", SCALE, columns), ("min", MinMaxScaler(), others)]), frame)


@pytest.mark.parametrize("remainder", ["drop", "passthrough", MinMaxScaler(), make_pipeline(SCALE, MinMaxScaler())])
def test_the_remainder_comes_last(remainder: Any) -> None:
    frame = number_table()
    check_transformer(ColumnTransformer([("some", SCALE, ["c"])], remainder=remainder), frame)
    check_transformer(ColumnTransformer([("some", SCALE, [2])], remainder=remainder), frame.to_numpy())


def test_dropped_passed_through_repeated_and_empty_parts() -> None:
    case = check_transformer(
        ColumnTransformer(
            [
                ("dropped", "drop", ["a"]),
                ("kept", "passthrough", ["d", "b"]),
                ("empty", SCALE, []),
                ("again", RobustScaler(), ["b", "a"]),
                ("empty selector", SCALE, make_column_selector(pattern="z")),
            ],
            remainder="passthrough",
        ),
        number_table(),
    )
    assert case.predict(case.matrix)["prediction"].shape == (120, 5)


@pytest.mark.parametrize("verbose", [True, False, "{feature_name}--{transformer_name}"])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_feature_names_and_pandas_output_change_no_value(verbose: Any, output: str) -> None:
    inner = ColumnTransformer(
        [("few", OneHotEncoder(sparse_output=False), ["text"]), ("rest", SCALE, ["whole", "number"])],
        verbose_feature_names_out=verbose,
    ).set_output(transform=output)
    check_transformer(make_pipeline(inner, SCALE), mixed_table(), trees=False)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_sparse_output_has_the_same_values(threshold: float) -> None:
    parts = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), ["words", "text"]), ("number", SCALE, ["number"])],
        sparse_threshold=threshold,
    )
    frame = mixed_table()
    check_transformer(parts, frame, trees=threshold == 0.0)
    check_predictor(make_pipeline(parts, LinearRegression()), frame, make_target(frame, "regression"))


def test_transformer_weights() -> None:
    weights = {"numbers": 0.3, "words": -2.0, "passed": 1e-3}
    parts: list[tuple[str, Any, Any]] = [
        ("numbers", SCALE, ["number", "whole"]),
        ("words", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7), ["words"]),
        ("passed", "passthrough", ["whole", "flag missing"]),
    ]
    check_transformer(ColumnTransformer(parts, transformer_weights=weights), mixed_table())
    union = [("scaled", SCALE), ("same", "passthrough"), ("dropped", "drop"), ("minmax", MinMaxScaler())]
    check_transformer(FeatureUnion(union, transformer_weights={"same": 2.5, "minmax": 0.0}), number_table())


def test_a_weighted_boolean_is_a_number() -> None:
    parts = ColumnTransformer([("flag", "passthrough", ["flag"])], transformer_weights={"flag": 3.0})
    check_transformer(parts, mixed_table())


def test_nested_pipelines_and_passthrough_steps() -> None:
    inner = Pipeline([("none", None), ("pass", "passthrough"), ("scale", RobustScaler())])
    both = make_union(inner, make_pipeline(MinMaxScaler(), FunctionTransformer(np.exp)))
    check_transformer(Pipeline([("inner", both), ("outer", make_pipeline(StandardScaler()))]), number_table())
    check_transformer(ColumnTransformer([("x", make_pipeline("passthrough", inner), ["b", "a"])]), number_table())
    check_transformer(Pipeline([("all", "passthrough")]), number_table())


def test_a_pipeline_with_memory(tmp_path: Any) -> None:
    check_transformer(
        Pipeline([("one", StandardScaler()), ("two", MinMaxScaler())], memory=str(tmp_path)), number_table()
    )


def test_a_column_transformer_after_another() -> None:
    first = ColumnTransformer([("b", SCALE, ["b", "a"])], remainder="passthrough").set_output(transform="pandas")
    second = ColumnTransformer([("again", MinMaxScaler(), make_column_selector(pattern="remainder"))])
    check_transformer(make_pipeline(first, second), number_table())
    check_transformer(make_pipeline(SCALE, ColumnTransformer([("x", MinMaxScaler(), [-1, 1])])), number_table())


def test_one_row_one_column_and_constants() -> None:
    check_transformer(SCALE, number_table(2, 1), trees=False)
    constant = pd.DataFrame({"a": [3.0] * 30, "b": np.arange(30.0)})
    check_transformer(make_union(StandardScaler(), MinMaxScaler()), constant)


def test_a_single_column_as_a_vector_does_not_compile() -> None:
    parts = ColumnTransformer([("part", FunctionTransformer(lambda x: np.asarray(x).reshape(-1, 1)), "a")])
    message = compile_error(make_pipeline(parts, LinearRegression()), number_table())
    assert message == (
        "Pipeline → step 'columntransformer' → ColumnTransformer → step 'part' → FunctionTransformer: "
        "it receives a single column as a vector; put the column's name into a list"
    )


def test_the_error_names_the_path_to_the_step() -> None:
    inner = make_column_transformer((FunctionTransformer(np.cumsum), ["a"]), remainder=SCALE)
    message = compile_error(make_pipeline(inner, LinearRegression()), number_table())
    assert message.startswith("Pipeline → step 'columntransformer' → ColumnTransformer → step 'functiontransformer' → ")
    assert "FunctionTransformer: the function cumsum has no lowering" in message


def test_a_pipeline_without_a_predictor_does_not_compile() -> None:
    assert "Pipeline is a transformer, where a regressor or classifier was expected" in compile_error(
        make_pipeline(StandardScaler(), MinMaxScaler()), number_table()
    )


def test_weighted_float32_columns_do_not_compile() -> None:
    message = "its weight multiplies float32 columns in float32; convert them to float64 before fitting"
    for step, columns in (("passthrough", ["number", "single"]), (OneHotEncoder(dtype=np.float32), ["text"])):
        parts = ColumnTransformer([("weighted", step, columns)], transformer_weights={"weighted": 0.3})
        assert compile_error(make_pipeline(parts, Reveal()), mixed_table()).endswith(message)


def test_the_error_for_text_that_is_not_encoded() -> None:
    message = compile_error(make_pipeline(SimpleImputer(strategy="most_frequent"), Reveal()), mixed_table()[["text"]])
    assert message == (
        "Pipeline → step 'reveal' → Reveal: "
        "its input contains text, but it computes with numbers; encode the text first"
    )


def test_the_error_for_a_date_without_calendar_features() -> None:
    message = compile_error(make_pipeline("passthrough", Reveal()), mixed_table()[["when missing"]])
    assert message == (
        "Pipeline → step 'reveal' → Reveal: column 'when missing' is a date and time, "
        "but it computes with numbers; extract calendar features first"
    )
