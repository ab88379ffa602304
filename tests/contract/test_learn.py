"""What a contract learns from a table, and from the pipeline fitted on it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from sklearn.svm import LinearSVC

from fasttrack.contract import Privacy
from fasttrack.contract.decode import Decoder
from fasttrack.contract.learn import MAX_CATEGORIES, encoder_categories, learn_columns, learn_contract
from fasttrack.contract.openapi import example_row
from fasttrack.errors import DataError

FRAME = pd.DataFrame(
    {
        "age": [30.0, np.nan, 50.0, 40.0],
        "city": pd.Series(["Oslo", "Rome", None, "Rome"], dtype="str"),
        "rank": [1, 2, 3, 2],
        "size": ["S", "M", "L", "M"],
    }
)
Y = np.array([1.0, 2.0, 3.0, 4.0])
CITY = ["Oslo", "Rome"]
SIZE = ["L", "M", "S"]


def encoder(**more: Any) -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="ignore", **more)


def categories(pipeline: Any, frame: pd.DataFrame = FRAME) -> dict[str, list[Any] | None]:
    fitted = pipeline.fit(frame, Y)
    contract = learn_contract(frame, fitted, target="y", task="regression")
    return {column.name: column.categories for column in contract.columns}


def transform(*parts: tuple[str, Any, Any], **more: Any) -> Any:
    return make_pipeline(ColumnTransformer(list(parts), **more), Ridge())


@pytest.mark.parametrize(
    ("columns", "order"),
    [
        (["size", "rank"], "size first"),
        ([3, 2], "size first"),
        ([-1, -2], "size first"),
        (np.array([2, 3]), "rank first"),
        (pd.Index(["size", "rank"]), "size first"),
        ([False, False, True, True], "rank first"),
        (np.array([False, False, True, True]), "rank first"),
        (slice(2, 4), "rank first"),
        (slice(-2, None), "rank first"),
        (slice("rank", "size"), "rank first"),
        (slice("rank", None), "rank first"),
        (make_column_selector("rank|size"), "rank first"),
        (lambda frame: ["size", "rank"], "size first"),
    ],
)
def test_an_encoder_is_found_however_its_columns_are_chosen(columns: Any, order: str) -> None:
    sizes, ranks = ["L", "M", "S", "XL"], [1, 2, 3, 9]
    explicit = encoder(categories=[sizes, ranks] if order == "size first" else [ranks, sizes])
    found = categories(transform(("encode", explicit, columns)))
    assert found["size"] == sizes
    assert found["rank"] == ranks
    assert found["age"] is None


def test_a_single_column_may_be_named_bare() -> None:
    fitted = ColumnTransformer([("city", FunctionTransformer(lambda s: s.to_frame()), "city")]).fit(FRAME)
    assert encoder_categories(fitted, list(FRAME)) == {}


def test_the_rest_of_the_columns_may_go_to_an_encoder() -> None:
    found = categories(transform(("drop", "drop", ["age"]), ("keep", encoder(), ["city"]), remainder=encoder()))
    assert found == {"age": None, "city": CITY, "rank": [1, 2, 3], "size": SIZE}


def test_an_imputer_before_the_encoder_adds_its_word() -> None:
    impute = SimpleImputer(strategy="constant", fill_value="missing")
    assert categories(transform(("c", make_pipeline(impute, encoder()), ["city"])))["city"] == [
        "Oslo",
        "Rome",
        "missing",
    ]


def test_a_step_that_changes_words_hides_what_the_encoder_learned() -> None:
    lower = FunctionTransformer(lambda X: X.apply(lambda column: column.str.lower()))
    assert categories(transform(("c", make_pipeline(lower, encoder()), ["city", "size"])))["size"] == SIZE


def test_an_imputer_that_drops_or_adds_columns_hides_what_comes_after() -> None:
    frame = FRAME.assign(age=np.nan)[["age", "rank"]]
    one = ColumnTransformer([("r", encoder(categories=[[1, 2, 3]]), [0])])
    with pytest.warns(UserWarning, match="Skipping features without any observed values"):
        fitted = make_pipeline(SimpleImputer(), one).fit(frame, Y)
        assert encoder_categories(fitted, list(frame)) == {}
    fitted = make_pipeline(SimpleImputer(add_indicator=True), one).fit(FRAME[["rank", "age"]], Y)
    assert encoder_categories(fitted, ["rank", "age"]) == {}


def test_every_branch_of_a_union_counts() -> None:
    union = make_union(encoder(categories=[["L", "M", "S"]]), OrdinalEncoder(categories=[["S", "M", "L", "XL"]]))
    assert categories(transform(("size", union, ["size"])))["size"] == ["L", "M", "S", "XL"]
    partial = FeatureUnion([("one", encoder()), ("none", "drop"), ("same", "passthrough")])
    assert encoder_categories(partial.fit(FRAME[["size"]]), ["size"]) == {"size": SIZE}


def test_a_search_and_a_transformed_target_are_looked_into() -> None:
    pipeline = transform(("c", encoder(categories=[["L", "M", "S", "XL"]]), ["size"]))
    assert categories(GridSearchCV(pipeline, {"ridge__alpha": [1.0]}, cv=2))["size"] == ["L", "M", "S", "XL"]
    assert categories(TransformedTargetRegressor(pipeline))["size"] == ["L", "M", "S", "XL"]


def test_an_encoder_behind_a_selection_of_columns_is_not_taken_for_the_input() -> None:
    fitted = make_pipeline(SelectKBest(k=1), encoder()).fit(FRAME[["rank"]].assign(other=[1, 5, 2, 2]), [0, 1, 0, 1])
    assert encoder_categories(fitted, ["rank", "other"]) == {}


def test_a_pandas_category_keeps_its_own_order_whatever_an_encoder_learned() -> None:
    frame = FRAME.assign(size=pd.Categorical(FRAME["size"], categories=["S", "M", "L", "never"]))
    assert categories(transform(("size", encoder(), ["size"])), frame)["size"] == ["S", "M", "L", "never"]


def test_missing_values_among_the_categories_of_an_encoder_are_no_category() -> None:
    frame = FRAME.assign(flag=pd.Series([True, False, None, True], dtype=object), age=FRAME["age"])
    found = categories(transform(("all", encoder(), ["flag", "age", "city"])), frame)
    assert found["flag"] == [False, True]
    assert found["age"] == [30.0, 40.0, 50.0]
    assert found["city"] == CITY


def test_the_example_is_known_to_the_encoder() -> None:
    pipeline = transform(
        ("size", encoder(categories=[["L", "S"]]), ["size"]), ("rank", encoder(categories=[[1, 3]]), ["rank"])
    )
    pipeline.fit(FRAME, Y)
    contract = learn_contract(FRAME, pipeline, target="y", task="regression", privacy=Privacy(min_rows=1))
    assert not Decoder(contract).row(example_row(contract)).warnings


def test_text_of_many_values_is_open() -> None:
    words = [f"w{i}" for i in range(MAX_CATEGORIES + 1)]
    for dtype in ("str", "object"):
        frame = pd.DataFrame({"few": pd.Series(words[1:], dtype=dtype), "many": pd.Series(words[:-1], dtype=dtype)})
        frame.loc[len(frame)] = [words[1], words[-1]]
        few, many = learn_columns(frame)
        assert few.categories is not None
        assert len(few.categories) == MAX_CATEGORIES
        assert many.categories is None


def test_a_column_is_described_by_its_training_values() -> None:
    age, city, rank, size = learn_columns(FRAME)
    assert (age.kind, age.nullable, age.minimum, age.maximum, age.example) == ("number", True, 30.0, 50.0, 40.0)
    assert age.missing_share == 0.25
    assert len(age.quantiles) == 21
    assert age.quantiles[0] == 30.0
    assert age.quantiles[-1] == 50.0
    assert (city.kind, city.nullable, city.categories, city.example) == ("category", True, CITY, "Rome")
    assert city.minimum is None
    assert (rank.kind, rank.nullable, rank.example) == ("integer", False, 2)
    assert isinstance(rank.example, int)
    assert size.categories == SIZE


def test_an_all_missing_column_is_nullable_and_has_no_example() -> None:
    (column,) = learn_columns(pd.DataFrame({"a": [np.nan, np.nan]}))
    assert (column.kind, column.nullable, column.example, column.minimum) == ("number", True, None, None)
    (column,) = learn_columns(pd.DataFrame({"a": pd.Series([None, None], dtype=object)}))
    assert (column.kind, column.categories) == ("category", [])


def test_a_target_keeps_its_labels_and_says_whether_it_has_probabilities() -> None:
    X = FRAME[["rank"]]
    many: list[list[Any]] = [["a", "b", "a", "b"], [0, 1, 0, 1], [True, False, True, False]]
    for labels in many:
        fitted = LogisticRegression().fit(X, labels)
        target = learn_contract(X, fitted, target="y", task="binary").target
        assert target.classes == sorted(set(labels))
        assert {type(label) for label in target.classes} == {type(labels[0])}
        assert target.probabilities
    assert not learn_contract(X, LinearSVC().fit(X, many[0]), target="y", task="binary").target.probabilities


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"], "column 'c' holds mixed-integer values, which cannot be sent as JSON"),
        ([1 + 2j, 1j], "column 'c' holds complex values"),
        ([pd.Timedelta(1, unit="s"), pd.Timedelta(2, unit="s")], "column 'c' holds timedelta64 values"),
        ([b"a", b"b"], "column 'c' holds bytes values"),
        ([[1], [2]], "column 'c' holds mixed values"),
        ([1.0, np.inf], "column 'c' holds infinite values, which cannot be sent as JSON"),
        (pd.cut(pd.Series([1, 2]), 2), "column 'c' holds interval values"),
        (np.array(["300000-01-01"], dtype="datetime64[s]"), "column 'c' holds times outside the years 1 to 9999"),
        ([pd.Period("2013-01", "M")], "column 'c' holds period values"),
    ],
)
def test_a_column_that_no_request_can_carry_is_named(values: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        learn_columns(pd.DataFrame({"c": values}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dtype_that_cannot_be_made_again_is_named() -> None:
    series = pd.Series([Decimal("1.50")], dtype=pd.ArrowDtype(pyarrow.decimal128(5, 2)))
    with pytest.raises(
        DataError, match=r"column 'c' has the dtype decimal128\(5, 2\)\[pyarrow\], which pandas cannot make"
    ):
        learn_columns(pd.DataFrame({"c": series}))


def test_decimals_are_numbers() -> None:
    (column,) = learn_columns(pd.DataFrame({"c": [Decimal("1.5"), Decimal("2.5")]}))
    assert (column.kind, column.minimum, column.maximum) == ("number", 1.5, 2.5)
