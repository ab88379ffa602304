"""What a caller sends is what the pipeline was fitted on: values, names and dtypes, through every shape of request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from fasttrack.contract import Contract, Target
from fasttrack.contract.datetime_text import format_datetime, parse_datetime
from fasttrack.contract.decode import Decoder
from fasttrack.contract.frame import UNSEEN, frame_from_matrix, matrix_from_frame, pipeline_input, words_from_frame
from fasttrack.contract.learn import learn_columns, learn_contract
from tests.budget import budget
from tests.contract.tables import PLAIN, Table, as_sent, column, contract_of, tables

quick = settings(deadline=None, derandomize=True, max_examples=budget(150))


def learned(table: Table) -> Contract:
    return Contract(columns=learn_columns(table.frame, table.kinds), target=Target(name="y", task="regression"))


@quick
@given(tables())
def test_a_contract_is_the_same_after_json(table: Table) -> None:
    contract = learned(table)
    assert msgspec.json.decode(msgspec.json.encode(contract), type=Contract) == contract


@quick
@given(tables())
def test_each_shape_of_request_gives_the_matrix_of_the_frame_without_warnings(table: Table) -> None:
    contract = learned(table)
    decoder = Decoder(contract)
    rows = as_sent(contract, table.frame)
    matrix = matrix_from_frame(contract, table.frame)
    columns = {"columns": {name: [row[name] for row in rows] for name in contract.names}}
    for body in (rows, columns):
        batch = decoder.rows(msgspec.json.encode(body))
        np.testing.assert_array_equal(batch.matrix, matrix)
        assert not batch.warnings
        assert not batch.single
    for i, row in enumerate(rows):
        sparse = {name: value for name, value in row.items() if value is not None}
        for batch in (decoder.rows(msgspec.json.encode(row)), decoder.row(sparse)):
            np.testing.assert_array_equal(batch.matrix, matrix[i : i + 1])
            assert batch.single


@quick
@given(tables())
def test_the_pipeline_gets_the_very_frame_back(table: Table) -> None:
    contract = learned(table)
    batch = Decoder(contract).rows(msgspec.json.encode(as_sent(contract, table.frame)))
    frame = frame_from_matrix(contract, batch.matrix, batch.text)
    pd.testing.assert_frame_equal(frame, table.frame, check_exact=True, check_freq=False)
    texts = [j for j, column in enumerate(contract.columns) if column.kind == "text"]
    words = words_from_frame(contract, table.frame, texts)
    from_codes = frame_from_matrix(contract, matrix_from_frame(contract, table.frame), words)
    pd.testing.assert_frame_equal(from_codes, table.frame, check_exact=True, check_freq=False)


@settings(quick, max_examples=budget(60))
@given(tables(PLAIN, rows=12), st.booleans())
def test_a_real_pipeline_answers_the_same_to_its_rows_sent_as_json(table: Table, by_index: bool) -> None:
    frame = table.frame
    parts: dict[str, list[Any]] = {"number": [], "category": [], "datetime": []}
    for j, one in enumerate(learn_columns(frame)):
        kind = one.kind if one.kind in parts else "number"
        parts[kind].append(j if by_index else one.name)
    numbers = make_pipeline(FunctionTransformer(lambda X: np.arctan(X.to_numpy(dtype=float))), SimpleImputer())
    steps = ColumnTransformer(
        [
            ("numbers", numbers, parts["number"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), parts["category"]),
            ("moments", FunctionTransformer(lambda X: X.isna().to_numpy(dtype=float)), parts["datetime"]),
        ]
    )
    y = np.arange(len(frame), dtype=float)
    pipeline = make_pipeline(steps, Ridge()).fit(frame, y)
    contract = learn_contract(frame, pipeline, target="y", task="regression")
    batch = Decoder(contract).rows(msgspec.json.encode(as_sent(contract, frame)))
    sent = pipeline.predict(pipeline_input(contract, batch.matrix, batch.text))
    np.testing.assert_array_equal(sent, pipeline.predict(frame))


@quick
@given(st.datetimes())
def test_a_moment_of_any_year_is_the_same_number_by_request_and_by_frame(moment: datetime) -> None:
    contract = contract_of(column("at", "datetime"))
    frame = pd.DataFrame({"at": pd.Series([moment], dtype="datetime64[us]")})
    assert matrix_from_frame(contract, frame)[0, 0] == parse_datetime(moment.isoformat())


@quick
@given(st.datetimes())
def test_a_moment_written_as_text_is_read_back_as_the_same_number(moment: datetime) -> None:
    since = parse_datetime(moment.isoformat())
    assert parse_datetime(format_datetime(since)) == since


def test_the_last_microsecond_of_a_moment_far_from_1970_is_kept() -> None:
    frame = pd.DataFrame({"at": pd.Series([datetime(1833, 1, 1, 0, 0, 0, 7)], dtype="datetime64[us]")})
    contract = contract_of(column("at", "datetime"))
    assert frame_from_matrix(contract, matrix_from_frame(contract, frame))["at"].iloc[0] == frame["at"].iloc[0]


def test_an_unseen_word_reaches_the_pipeline_as_it_came() -> None:
    contract = contract_of(column("c", "category", categories=["a", "b"]))
    batch = Decoder(contract).rows(b'{"c": "new"}')
    assert frame_from_matrix(contract, batch.matrix, batch.text)["c"].tolist() == ["new"]
    assert frame_from_matrix(contract, batch.matrix)["c"].tolist() == [UNSEEN]


def test_an_unseen_word_widens_a_pandas_category_instead_of_going_missing() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b"], categories=["b", "a", "never"])})
    contract = Contract(columns=learn_columns(frame), target=Target(name="y", task="regression"))
    batch = Decoder(contract).rows(b'[{"c": "new"}, {"c": "a"}]')
    series = frame_from_matrix(contract, batch.matrix, batch.text)["c"]
    assert series.tolist() == ["new", "a"]
    assert series.cat.categories.tolist() == ["b", "a", "never", "new"]
    assert [issue.row for issue in batch.warnings] == [0]


@pytest.mark.parametrize(
    ("dtype", "value"), [("int8", 300), ("uint8", -1), ("Int8", 300), ("int64", 2**70), ("int8[pyarrow]", 300)]
)
def test_a_whole_number_past_the_training_dtype_does_not_wrap_around(dtype: str, value: int) -> None:
    contract = contract_of(column("n", "integer", dtype=dtype, nullable=True))
    assert frame_from_matrix(contract, np.array([[float(value)]]))["n"].tolist() == [float(value)]


@pytest.mark.parametrize("dtype", ["float32", "Float32", "float16", "float[pyarrow]"])
def test_a_number_past_a_narrow_dtype_does_not_become_infinite(dtype: str) -> None:
    contract = contract_of(column("n", "number", dtype=dtype))
    batch = Decoder(contract).rows(b'{"n": 1e300}')
    assert batch.matrix[0, 0] == 1e300
    assert frame_from_matrix(contract, batch.matrix)["n"].tolist() == [1e300]


def test_the_matrix_holds_a_number_as_the_training_dtype_does() -> None:
    contract = contract_of(column("n", "number", dtype="float32"))
    assert Decoder(contract).rows(b'{"n": 0.1}').matrix[0, 0] == float(np.float32(0.1))


def test_a_moment_past_the_nanoseconds_of_the_training_dtype_stays_itself() -> None:
    contract = contract_of(column("at", "datetime", dtype="datetime64[ns]"))
    batch = Decoder(contract).rows(b'{"at": "9000-01-01"}')
    assert frame_from_matrix(contract, batch.matrix)["at"].iloc[0].year == 9000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_pipeline_fitted_on_a_bare_array_gets_an_array_of_its_dtype(dtype: str) -> None:
    X = np.random.default_rng(0).random((50, 3)).astype(dtype)
    pipeline = LinearRegression().fit(X, X.sum(axis=1))
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2"])
    contract = learn_contract(frame, pipeline, target="y", task="regression", array=True)
    batch = Decoder(contract).rows(msgspec.json.encode(as_sent(contract, frame)))
    given_back = pipeline_input(contract, batch.matrix, batch.text)
    assert isinstance(given_back, np.ndarray)
    assert given_back.dtype == dtype
    np.testing.assert_array_equal(pipeline.predict(given_back), pipeline.predict(X))
