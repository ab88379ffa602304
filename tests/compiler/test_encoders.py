"""Every rule of the encoders: dropped, unknown, infrequent and missing categories of text, numbers and booleans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from tests.compiler.cases import (
    Reveal,
    check_predictor,
    check_transformer,
    compile_error,
    make_target,
    mixed_table,
    number_table,
)

TEXT = ["text", "text missing", "words"]
pytestmark = pytest.mark.filterwarnings("ignore:Found unknown categories")


def codes(rows: int = 150) -> pd.DataFrame:
    """Numeric columns that are categories."""
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "whole": random.integers(-2, 6, rows),
            "float": random.choice([0.5, -1.0, 2.25, np.nan], rows),
            "flag": random.random(rows) < 0.3,
            "nullable": pd.array(random.choice([1, 2, 30], rows), dtype="Int64"),
            "byte": random.integers(0, 4, rows).astype("uint8"),
        }
    )


@pytest.mark.parametrize("unknown", ["error", "ignore", "infrequent_if_exist", "warn"])
@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
@pytest.mark.parametrize("rare", [{}, {"min_frequency": 8}, {"max_categories": 3}])
def test_one_hot_of_text(unknown: str, drop: str | None, rare: dict[str, Any]) -> None:
    encoder = OneHotEncoder(handle_unknown=unknown, drop=drop, sparse_output=False, **rare)
    check_transformer(encoder, mixed_table()[TEXT], trees=not rare and drop is None)


@pytest.mark.parametrize("unknown", ["error", "ignore", "infrequent_if_exist", "warn"])
@pytest.mark.parametrize("drop", [None, "first"])
@pytest.mark.parametrize("rare", [{}, {"min_frequency": 0.2, "max_categories": 3}])
def test_one_hot_of_numbers(unknown: str, drop: str | None, rare: dict[str, Any]) -> None:
    encoder = OneHotEncoder(handle_unknown=unknown, drop=drop, sparse_output=False, **rare)
    check_transformer(encoder, codes(), trees=not rare and drop is None)
    check_transformer(encoder, codes()[["whole", "byte"]].to_numpy(), trees=False)
    check_transformer(encoder, codes()[["whole", "float"]].to_numpy(), trees=False)


def test_one_hot_with_dropped_categories() -> None:
    frame = mixed_table()[["text", "text missing"]]
    check_transformer(OneHotEncoder(drop=["y", "LGA"], sparse_output=False), frame)
    check_transformer(OneHotEncoder(drop=["y", np.nan], sparse_output=False, handle_unknown="ignore"), frame)


def test_explicit_categories() -> None:
    frame = mixed_table()[["text", "whole"]]
    categories = [["ž", "x", "not in the data", "y", "rare"], list(range(-9, 70))]
    check_transformer(OneHotEncoder(categories=categories, sparse_output=False, handle_unknown="ignore"), frame)
    check_transformer(OrdinalEncoder(categories=categories), frame)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"handle_unknown": "use_encoded_value", "unknown_value": -1},
        {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
        {"handle_unknown": "use_encoded_value", "unknown_value": -5, "encoded_missing_value": -2},
        {"encoded_missing_value": 99.5},
        {"min_frequency": 9, "handle_unknown": "use_encoded_value", "unknown_value": -1},
        {"max_categories": 2, "encoded_missing_value": -3},
    ],
    ids=str,
)
def test_ordinal(options: dict[str, Any]) -> None:
    check_transformer(OrdinalEncoder(**options), mixed_table()[TEXT], trees=False)
    check_transformer(OrdinalEncoder(**options), codes())


def test_ordinal_of_another_dtype() -> None:
    encoder = OrdinalEncoder(dtype=np.int32, handle_unknown="use_encoded_value", unknown_value=-1)
    check_transformer(encoder, mixed_table()[["text", "words"]])
    check_transformer(OneHotEncoder(dtype=np.float32, sparse_output=False), mixed_table()[["text"]])


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("smooth", ["auto", 3.0, 0.0])
def test_target_means(task: Any, smooth: Any) -> None:
    frame = mixed_table()
    y = make_target(frame, task)
    if task == "multiclass":
        y = np.unique(y, return_inverse=True)[1]
    encoder = TargetEncoder(smooth=smooth, cv=3, target_type="continuous" if task == "regression" else task)
    check_transformer(encoder, frame[[*TEXT, "whole"]], y)
    check_transformer(encoder, codes(200), y)


def test_target_means_of_text_classes() -> None:
    frame = mixed_table()
    y = make_target(frame, "multiclass")
    check_predictor(
        make_pipeline(TargetEncoder(cv=3), LogisticRegression(max_iter=2000)),
        frame[TEXT],
        y,
    )
    check_predictor(
        make_pipeline(TargetEncoder(cv=3), LogisticRegression(max_iter=2000)),
        frame[TEXT],
        y == "top",
    )


@pytest.mark.parametrize(
    ("dtype", "null"), [("object", np.nan), ("object", None), ("category", np.nan), ("str", np.nan), ("string", "-")]
)
def test_text_of_every_dtype(dtype: str, null: Any) -> None:
    frame = mixed_table()[["text missing", "text"]].astype(object)
    frame = frame.where(frame.notna(), null).astype(dtype)
    check_transformer(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), frame)
    check_transformer(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), frame, trees=False)


def test_ordered_categories_and_categories_of_numbers() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": pd.Categorical(random.choice(["S", "M", "L"], 90), categories=["S", "M", "L", "XL"], ordered=True),
            "year": pd.Categorical(random.choice([1999, 2013, 2020], 90)),
            "share": pd.Categorical(random.choice([0.5, 1.5, np.nan], 90)),
        }
    )
    check_transformer(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), frame)
    check_transformer(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), frame)


def test_a_column_with_a_single_category() -> None:
    frame = pd.DataFrame({"one": pd.Series(["a"] * 30, dtype="str"), "b": np.arange(30.0)})
    encoder = make_column_transformer((OneHotEncoder(drop="if_binary", sparse_output=False), ["one"]), remainder="drop")
    check_transformer(encoder, frame)
    check_transformer(OrdinalEncoder(), frame)


def test_several_encoders_of_the_same_column() -> None:
    frame = mixed_table()
    both = make_column_transformer(
        (OneHotEncoder(categories=[["x", "y"]], handle_unknown="ignore", sparse_output=False), ["text"]),
        (OrdinalEncoder(), ["text"]),
        (OneHotEncoder(handle_unknown="error", sparse_output=False), ["whole"]),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["whole"]),
    )
    check_transformer(both, frame)


def test_encoders_after_imputers_and_scalers() -> None:
    frame = codes()
    imputed = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False))
    check_transformer(imputed, frame[["float", "whole"]])
    lenient = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    check_transformer(make_pipeline(StandardScaler(), lenient), frame[["whole", "byte"]], trees=False)
    check_transformer(make_pipeline(OrdinalEncoder(), lenient), mixed_table()[["text", "words"]])


def test_unknown_categories_are_refused_if_the_encoder_refuses_them() -> None:
    case = check_transformer(OneHotEncoder(sparse_output=False), codes()[["whole", "float"]])
    assert case.compiled.must_be_known == (0, 1)
    text = check_transformer(OneHotEncoder(sparse_output=False), mixed_table()[["text"]])
    assert text.compiled.must_be_known == (0,)


def test_the_error_for_too_many_categories() -> None:
    frame = pd.DataFrame({"id": [f"user {i}" for i in range(4_200)]})
    message = compile_error(make_pipeline(OneHotEncoder(), Reveal()), frame)
    assert message.endswith("its categories need a table of more than 16 million cells; group rare categories first")


def test_one_hot_of_continuous_numbers() -> None:
    check_transformer(OneHotEncoder(handle_unknown="ignore", sparse_output=False), number_table(40, 3, missing=0.1))
