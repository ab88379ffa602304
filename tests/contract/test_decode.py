"""The rules of a request, each by name; both ways through the decoder agree; no message repeats a value."""

from __future__ import annotations

import json
import math
import string
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fasttrack.contract import Contract
from fasttrack.contract.dates import DateNotation
from fasttrack.contract.decode import MAX_LISTED, Batch, Decoder, RefusedRequest
from fasttrack.contract.reading import Reading
from tests.budget import budget
from tests.contract.tables import column, contract_of

quick = settings(deadline=None, derandomize=True, max_examples=budget(400))

MIXED = contract_of(
    column("n", "number", minimum=0.0, maximum=10.0),
    column("n?", "number", nullable=True),
    column("i", "integer", minimum=-5.0, maximum=2.0**53),
    column("i?", "integer", nullable=True, categories=[1, 2, 3]),
    column("b", "boolean"),
    column("b?", "boolean", nullable=True),
    column("c", "category", categories=["x", "", "y"]),
    column("c?", "category", nullable=True),
    column("t", "datetime", minimum=0.0, maximum=2e9),
    column("t?", "datetime", nullable=True),
    column("x", "text", minimum=1.0, maximum=3.0),
    column("x?", "text", nullable=True),
)
ROW: dict[str, Any] = {"n": 1.5, "i": 3, "b": True, "c": "x", "t": "2013-01-31T17:05:00Z", "x": "some text"}


def decode(contract: Contract, body: object) -> Batch:
    return Decoder(contract).rows(json.dumps(body).encode())


def refusal(contract: Contract, body: bytes | object) -> RefusedRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(RefusedRequest) as caught:
        Decoder(contract).rows(raw)
    return caught.value


def messages(refused: RefusedRequest) -> list[tuple[int | None, str | None, str]]:
    return [(issue.row, issue.column, issue.message) for issue in refused.issues]


# --- what is missing


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "category", "datetime", "text"])
def test_null_and_an_absent_key_are_missing_in_a_nullable_column(kind: Any) -> None:
    contract = contract_of(column("a", kind, nullable=True), column("b", "number"))
    for body in (
        {"a": None, "b": 1},
        {"b": 1},
        [{"b": 1}],
        {"columns": {"a": [None], "b": [1]}},
        {"columns": {"b": [1]}},
    ):
        batch = decode(contract, body)
        assert np.isnan(batch.matrix[0, 0])
        assert not batch.warnings


def test_nan_from_a_python_caller_is_missing() -> None:
    contract = contract_of(column("a", "number", nullable=True), column("c", "category", nullable=True))
    batch = Decoder(contract).row({"a": math.nan, "c": math.nan})
    assert np.isnan(batch.matrix).all()
    assert batch.text == {1: [None]}


def test_an_empty_query_value_is_missing() -> None:
    contract = contract_of(
        column("a", "number", nullable=True), column("c", "category", nullable=True, categories=[""])
    )
    assert np.isnan(Decoder(contract).query([("a", ""), ("c", "")]).matrix).all()


def test_an_empty_query_value_is_text_where_only_that_can_be_meant() -> None:
    contract = contract_of(column("c", "category", categories=["", "x"]))
    assert Decoder(contract).query([("c", "")]).matrix[0, 0] == 0


def test_empty_text_is_a_word_and_not_missing_in_json() -> None:
    batch = decode(MIXED, ROW | {"c": ""})
    assert batch.matrix[0, 6] == 1
    assert not batch.warnings


def test_null_in_a_required_column_is_refused() -> None:
    refused = refusal(MIXED, ROW | {"n": None})
    assert messages(refused) == [(0, "n", "null, but the training data always had a value here; expected a number")]
    assert refused.reason == "invalid"
    assert refused.detail == "row 0, column 'n': " + refused.issues[0].message


def test_an_absent_required_column_is_refused_in_every_row() -> None:
    row = {name: value for name, value in ROW.items() if name != "t"}
    expected = "missing; expected an ISO 8601 date and time as text"
    assert messages(refusal(MIXED, [ROW, row, row])) == [(1, "t", expected), (2, "t", expected)]
    columns = {"columns": {name: [value] for name, value in row.items()}}
    assert messages(refusal(MIXED, columns)) == [(None, "t", expected)]


# --- types


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n", "12", "expected a number, got text"),
        ("n", True, "expected a number, got a boolean"),
        ("n", [1], "expected a number, got an array"),
        ("n", {}, "expected a number, got an object"),
        ("i", "12", "expected a whole number, got text"),
        ("i", False, "expected a whole number, got a boolean"),
        ("i", 3.5, "expected a whole number, got a number with a fraction"),
        ("i", -1e-300, "expected a whole number, got a number with a fraction"),
        ("i?", 0.5, "expected a whole number, got a number with a fraction"),
        ("b", 1, "expected true or false, got a number"),
        ("b", "true", "expected true or false, got text"),
        ("c", 1, "expected text, got a number"),
        ("c", True, "expected text, got a boolean"),
        ("t", 1359651900, "expected an ISO 8601 date and time as text, got a number"),
        ("t", "late", "expected an ISO 8601 date and time, such as 2013-01-31T17:05:00Z"),
        ("t", "", "expected an ISO 8601 date and time, such as 2013-01-31T17:05:00Z"),
    ],
)
def test_a_value_of_another_type_is_refused_in_every_shape(name: str, value: Any, message: str) -> None:
    row = ROW | {name: value}
    assert messages(refusal(MIXED, row)) == [(0, name, message)]
    assert messages(refusal(MIXED, [ROW, row])) == [(1, name, message)]
    columns = {"columns": {key: [ROW.get(key), cell] for key, cell in row.items()}}
    assert messages(refusal(MIXED, columns)) == [(1, name, message)]


def test_a_whole_number_may_be_written_with_a_point_or_an_exponent() -> None:
    contract = contract_of(column("i", "integer"))
    for text, value in {b"3.0": 3.0, b"3e2": 300.0, b"-0.0": 0.0, b"1E0": 1.0}.items():
        assert Decoder(contract).rows(b'{"i":' + text + b"}").matrix[0, 0] == value


def test_a_whole_number_is_accepted_where_a_number_is_expected() -> None:
    assert decode(MIXED, ROW | {"n": 2}).matrix[0, 0] == 2.0


@pytest.mark.parametrize("number", [2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64, 10**30, -(10**308)])
def test_a_whole_number_past_2_to_the_53_is_rounded_as_a_float64_is(number: int) -> None:
    for kind in ("integer", "number"):
        contract = contract_of(column("a", kind))
        body = b'{"a":%d}' % number
        for raw in (body, b"[%s]" % body, b'{"columns":{"a":[%d]}}' % number, body[:-1] + b',"more":0}'):
            assert Decoder(contract).rows(raw).matrix[0, 0] == float(number)


def test_the_largest_and_the_smallest_doubles_pass() -> None:
    contract = contract_of(column("a", "number"))
    for text in (b"1e308", b"-1.7976931348623157e308", b"5e-324", b"1e-400"):
        assert Decoder(contract).rows(b'{"a":' + text + b"}").matrix[0, 0] == float(text)


@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"1" * 400, b"-" + b"9" * 5000, b"1.5e99999"])
def test_a_number_past_float64_is_refused_by_name(text: bytes) -> None:
    contract = contract_of(column("a", "number"), column("i", "integer"))
    for name, other in (("a", "i"), ("i", "a")):
        body = b'{"%s":%s,"%s":1}' % (name.encode(), text, other.encode())
        assert messages(refusal(contract, body)) == [(0, name, "the number is too large for a 64-bit float")]


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("1970-01-02", 86400),
        ("19700102", 86400),
        ("1970-W01-5", 86400),
        ("1970-01-02T00:00", 86400),
        ("1970-01-02T00:00:00", 86400),
        ("1970-01-02 00:00:00", 86400),
        ("1970-01-02t00:00:00z", 86400),
        ("1970-01-02T00:00:00Z", 86400),
        ("1970-01-02T02:00:00+02:00", 86400),
        ("1970-01-02T02:00+02", 86400),
        ("19700102T020000+0200", 86400),
        ("1970-01-01T19:00:00-05:00", 86400),
        ("1970-01-02T00:00:00.5", 86400.5),
        ("1970-01-02T00:00:00,25Z", 86400.25),
        ("1970-01-02T00:00:00.123456789Z", 86400.123456),
        ("1969-12-31T23:59:59.999999Z", -0.000001),
    ],
)
def test_a_moment_may_be_written_in_any_iso_form(text: str, since: float) -> None:
    assert decode(contract_of(column("t", "datetime")), {"t": text}).matrix[0, 0] == since


@pytest.mark.parametrize(
    "text",
    [
        "12",
        "1359651900",
        "01/31/2013",
        "2013-13-01",
        "2013-02-29",
        "2013-01-31T25:00",
        "2013-01-31T",
        "2013-01-31Z",
        "2013-01-31+02:00",  # a date with a zone: no time of day is meant
        "20130131-0500",
        "2013-01-31x17:05",
        " 2013-01-31",
        "2013-01-31\n",
        "0001-01-01T00:00:00+05:00",  # in the year 0, as UTC
        "9999-12-31T23:59:59-05:00",
        "٢٠١٣-01-31",
        "now",
    ],
)
def test_text_that_is_no_moment_is_refused(text: str) -> None:
    refused = refusal(contract_of(column("t", "datetime")), {"t": text})
    assert refused.issues[0].message == "expected an ISO 8601 date and time, such as 2013-01-31T17:05:00Z"


# --- what is unusual


def test_an_unseen_category_is_scored_as_minus_one_and_named() -> None:
    batch = decode(MIXED, [ROW, ROW | {"c": "z"}])
    assert batch.matrix[:, 6].tolist() == [0, -1]
    assert list(batch.text[6]) == ["x", "z"]
    warning = (1, "c", "not among the 3 categories of the training data")
    assert [(w.row, w.column, w.message) for w in batch.warnings] == [warning]


def test_an_open_text_column_has_no_unseen_words() -> None:
    assert not decode(MIXED, ROW | {"c?": "whatever"}).warnings


def test_a_number_that_an_encoder_does_not_know_is_named() -> None:
    batch = decode(MIXED, [ROW | {"i?": 4}, ROW | {"i?": 2}, ROW])
    warning = (0, "i?", "not among the 3 values that the model knows")
    assert [(w.row, w.column, w.message) for w in batch.warnings] == [warning]


def test_a_number_outside_the_training_range_is_scored_and_named() -> None:
    batch = decode(MIXED, [ROW | {"n": 10.5}, ROW | {"n": 10}, ROW | {"t": "1969-12-31"}])
    assert batch.matrix[0, 0] == 10.5
    assert [(w.row, w.column, w.message) for w in batch.warnings] == [
        (0, "n", "outside the training range 0 to 10"),
        (2, "t", "outside the training range 1970-01-01T00:00:00Z to 2033-05-18T03:33:20Z"),
    ]


def test_an_unknown_column_is_ignored_and_named_once() -> None:
    batch = decode(MIXED, [ROW, ROW | {"id": 7}, ROW | {"id": 8}])
    assert [(w.row, w.column) for w in batch.warnings] == [(1, "id")]
    assert batch.warnings[0].message.startswith(
        "not a column of this model and ignored; its columns are 'n', 'n?', 'i'"
    )
    batch = decode(contract_of(column("a", "number")), {"columns": {"a": [1], "id": [1, 2, 3]}})
    assert [(w.row, w.column) for w in batch.warnings] == [(None, "id")]


def test_more_than_a_hundred_warnings_are_counted() -> None:
    batch = decode(MIXED, [ROW | {"n": 11}] * 1150)
    assert len(batch.warnings) == MAX_LISTED + 1
    assert batch.warnings[-1].row is None
    assert batch.warnings[-1].message == "and 1,050 more such warnings"


def test_more_than_a_hundred_bad_cells_are_counted() -> None:
    refused = refusal(MIXED, [ROW | {"n": "x", "b": 0}] * 1000)
    assert len(refused.issues) == MAX_LISTED
    assert refused.total == 2000
    assert refused.detail.endswith("(and 1,999 more, listed in errors)")


# --- shapes


def test_an_empty_array_has_no_rows() -> None:
    batch = decode(MIXED, [])
    assert batch.matrix.shape == (0, 12)
    assert len(batch) == 0
    assert not batch.single
    assert list(batch.text[6]) == []


def test_columns_of_no_values_have_no_rows() -> None:
    assert len(decode(MIXED, {"columns": {name: [] for name in ROW}})) == 0


def test_columns_of_unequal_length_are_refused() -> None:
    contract = contract_of(column("a", "number"), column("b", "number", nullable=True))
    refused = refusal(contract, {"columns": {"a": [1, 2, 3], "b": [1]}})
    assert messages(refused) == [(None, "b", "has 1 values where the longest column has 3")]
    assert messages(refusal(contract, {"columns": {"a": [1], "b": []}})) == [
        (None, "b", "has 0 values where the longest column has 1")
    ]


def test_a_column_that_is_no_array_is_refused() -> None:
    contract = contract_of(column("a", "number", nullable=True))
    assert messages(refusal(contract, {"columns": {"a": None}})) == [
        (None, "a", "expected an array of values, got null")
    ]


@pytest.mark.parametrize("body", [1, "x", None, True])
def test_a_body_of_another_shape_is_refused(body: object) -> None:
    refused = refusal(MIXED, body)
    assert refused.detail.startswith("expected one row (an object), rows (an array of objects), or")


def test_a_row_that_is_no_object_is_refused() -> None:
    assert messages(refusal(MIXED, [ROW, [1, 2]])) == [(1, None, "expected an object of column values, got an array")]


def test_a_column_named_columns_is_a_column() -> None:
    contract = contract_of(column("columns", "number"))
    assert decode(contract, {"columns": 5}).matrix[0, 0] == 5
    assert decode(contract, {"columns": {"columns": [5, 6]}}).matrix[:, 0].tolist() == [5, 6]


def test_the_last_of_duplicated_keys_counts() -> None:
    contract = contract_of(column("a", "number"))
    assert Decoder(contract).rows(b'{"a":1,"a":2}').matrix[0, 0] == 2
    assert Decoder(contract).rows(b'{"a":"text","a":2}').matrix[0, 0] == 2


def test_rows_over_the_limit_are_refused_before_they_are_looked_at() -> None:
    decoder = Decoder(contract_of(column("a", "number")), max_rows=2)
    assert len(decoder.rows(b'[{"a":1},{"a":2}]')) == 2
    for body in (
        b'[{"a":1},{"a":2},{"a":3}]',
        b'[{"a":"x"},{},[]]',
        b'{"columns":{"a":[1,2,3]}}',
        b'{"columns":{"a":["",2,3]}}',
    ):
        with pytest.raises(RefusedRequest) as caught:
            decoder.rows(body)
        assert caught.value.reason == "too-many-rows"
        assert caught.value.detail == "the request has 3 rows, the limit is 2; send it in smaller parts"


# --- JSON


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e400,"b":NaN}',
        b"{'a':1}",
        b'{"a":1}x',
        b'{"a":"\\ud800"}',
        b'{"\\ud800":1}',
        b'{"a":1,"\\ud800":1e400}',  # half a character beside a number past float64
        b'{"a":1e400,"b":"\xed\xa0\x80"}',
        b'{"a":1e400,"b":"\xff"}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":1e400,"b":' + b"[" * 100_000,
        "{}".encode("utf-16"),
        b"\x00",
    ],
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    refused = refusal(contract_of(column("a", "number")), body)
    assert refused.reason == "malformed"
    assert refused.detail.startswith(
        (
            "the body is not valid JSON",
            "the body is not UTF-8",
            "the body begins with",
            "the body ends",
            "the body is nested",
        )
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"a":1', "the body ends before its JSON does; send all of it"),
        (b"[" * 100_000, "the body is nested too deeply; a row is an object of plain values"),
        (b'"\xff"', "the body is not UTF-8 text at byte 1; encode it as UTF-8"),
        (b"\xef\xbb\xbf{}", "the body begins with a byte order mark; send the JSON without it"),
        (b"{'a':1}", "the body is not valid JSON near byte 1; put names and text in double quotes, write null for NaN"),
    ],
)
def test_what_is_wrong_with_a_body_is_told(body: bytes, detail: str) -> None:
    assert refusal(contract_of(column("a", "number")), body).detail == detail


def test_a_misspelt_name_is_told_with_the_column_that_is_missing() -> None:
    refused = refusal(contract_of(column("a", "number")), b'[{"a":1},{"A":2}]')
    assert [(issue.row, issue.column) for issue in refused.issues] == [(1, "a"), (1, "A")]
    assert "not a column of this model" in refused.issues[1].message


def test_an_empty_body_says_what_to_send() -> None:
    for body in (b"", b" \n"):
        refused = refusal(MIXED, body)
        assert refused.detail == 'the body is empty; send JSON such as {"column": value}'


def test_deep_nesting_in_a_cell_is_refused_by_its_type() -> None:
    nested = b"[" * 200 + b"]" * 200
    refused = refusal(contract_of(column("a", "number")), b'{"a":' + nested + b"}")
    assert messages(refused) == [(0, "a", "expected a number, got an array")]


# --- query strings


def test_a_query_is_read_by_the_kinds_of_its_columns() -> None:
    pairs = [("n", "1e1"), ("i", "3.0"), ("b", "TRUE"), ("c", "12"), ("t", "2013-01-31"), ("x", "a b")]
    batch = Decoder(MIXED).query(pairs)
    assert batch.matrix[0, [0, 2, 4, 6, 8, 10]].tolist() == [10, 3, 1, -1, 1359590400, 3]
    assert (batch.text[6], batch.text[10]) == (["12"], ["a b"])
    assert batch.single


def test_free_text_is_its_length_and_its_words_and_never_unusual() -> None:
    texts = ["é", "longer than any in training", "😀"]
    batch = decode(contract_of(column("x", "text", minimum=1.0, maximum=3.0)), [{"x": text} for text in texts])
    assert batch.matrix[:, 0].tolist() == [1, 27, 1]
    assert list(batch.text[0]) == texts
    assert not batch.unusual
    assert not batch.warnings


def test_an_empty_text_is_text_unless_it_means_a_missing_value() -> None:
    plain, csv = column("x", "text", nullable=True), Reading(default_nulls=True)
    as_csv = msgspec.structs.replace(plain, reading=csv)
    for one, empty, length in ((plain, "", 0.0), (as_csv, None, math.nan)):
        batch = decode(contract_of(one), [{"x": ""}])
        assert (batch.text[0][0], str(batch.matrix[0, 0])) == (empty, str(length))
    required = contract_of(msgspec.structs.replace(as_csv, nullable=False))
    assert messages(refusal(required, {"x": " n/a "}))[0][:2] == (0, "x")
    assert Decoder(contract_of(column("x", "text"))).query([("x", "")]).text[0] == [""]


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("1970-01-01T02:00:00 02:00", 0),
        ("1970-01-01T02:00:00.5 0200", 0.5),
        ("1970-01-01 02:00:00 02:00", 0),
        ("1970-01-01 02:00", 7200),
        ("1970-01-01T02:00:00+02:00", 0),
    ],
)
def test_a_plus_sign_that_became_a_space_in_a_query_is_read_as_a_plus(text: str, since: float) -> None:
    assert Decoder(contract_of(column("t", "datetime"))).query([("t", text)]).matrix[0, 0] == since
    assert Decoder(contract_of(column("n", "number"))).query([("n", " 5")]).matrix[0, 0] == 5


@pytest.mark.parametrize("text", ["x", "1_000", "0x10", "nan", "inf", "-inf", "٣", "1e", "1 2", "true", "--1", "1e400"])
def test_a_query_value_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedRequest) as caught:
        Decoder(contract_of(column("n", "number"))).query([("n", text)])
    assert caught.value.issues[0].column == "n"


def test_a_query_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(RefusedRequest) as caught:
        Decoder(contract_of(column("n", "number"))).query([("n", "1"), ("n", "2")])
    assert messages(caught.value) == [(0, "n", "given twice; give each column once")]


# --- properties

_NUMBERS = ["0", "-0", "-0.0", "1", "3.0", "3.5", "10.5", "1e308", "1e400", "9007199254740993", "1" * 30, "1" * 400]
_WORDS = ["", "x", "z", "12", "\\u0078", "\\ud800", "2013-01-31", "2013-01-31T17:05:00.25+02:00", "2013-01-31+02:00"]
_OTHERS = ["null", "true", "false", "NaN", "[]", "{}", "[1]"]
_SCALARS = st.sampled_from([*_NUMBERS, *(f'"{word}"' for word in _WORDS), *_OTHERS])
_NAMES = st.sampled_from([*MIXED.names, "unknown", "columns", "\\u006e"])


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{name}": {value}' for name, value in pairs) + "}"


@st.composite
def _rows(draw: st.DrawFn) -> str:
    right = {name: json.dumps(value) for name, value in ROW.items()}
    changed = draw(st.lists(st.tuples(_NAMES, _SCALARS), max_size=3))
    pairs = list(right.items())
    if draw(st.booleans()):
        pairs.pop(draw(st.integers(0, len(pairs) - 1)))
    return _object(pairs + changed)


@st.composite
def _columns(draw: st.DrawFn) -> str:
    n = draw(st.integers(0, 3))
    pairs = []
    for name in draw(st.sampled_from([list(ROW), [*ROW, "i?", "c?"], ["n"]])):
        cells = [json.dumps(ROW.get(name))] * n
        for i in draw(st.lists(st.integers(0, max(0, n - 1)), max_size=1)) if n else []:
            cells[i] = draw(_SCALARS)
        pairs.append((name, "[" + ",".join(cells) + "]"))
    pairs += [(name, f"[{value}]") for name, value in draw(st.lists(st.tuples(_NAMES, _SCALARS), max_size=1))]
    return _object([("columns", _object(pairs))])


_BODIES = st.one_of(_rows(), st.lists(_rows(), max_size=3).map(lambda rows: "[" + ",".join(rows) + "]"), _columns())
# The same contract with a column whose name the typed decoder cannot spell takes every body cell by cell.
_CELL_BY_CELL = contract_of(*MIXED.columns, column('"', "number", nullable=True))


def outcome(decoder: Decoder, body: bytes) -> tuple[Any, ...]:
    try:
        batch = decoder.rows(body)
    except RefusedRequest as refused:
        findings = [(row, name, _before_names(message)) for row, name, message in messages(refused)]
        return refused.reason, refused.detail, findings, refused.total
    words = {j: list(cells) for j, cells in batch.text.items()}
    noted = [(w.row, w.column, _before_names(w.message)) for w in batch.warnings]
    return batch.matrix[:, : len(MIXED.columns)].tolist(), words, noted, batch.single


def _before_names(message: str) -> str:
    """A message about an unknown column, without the names of those that are known."""
    return message.partition("; its columns")[0]


@settings(quick, max_examples=budget(1500))
@given(_BODIES)
@example(_object([*((name, json.dumps(value)) for name, value in ROW.items()), ("i", "0.5"), ("n", '"x"')]))
def test_the_typed_and_the_cell_by_cell_way_agree(body: str) -> None:
    typed = outcome(Decoder(MIXED), body.encode())
    walked = outcome(Decoder(_CELL_BY_CELL), body.encode())
    assert repr(typed) == repr(walked)  # NaN is itself in a repr


def assert_decoded_or_refused(contract: Contract, body: bytes) -> None:
    try:
        batch = Decoder(contract).rows(body)
    except RefusedRequest as refused:
        assert refused.detail
        assert (refused.total > 0) == (refused.reason == "invalid")
    else:
        assert batch.matrix.shape == (len(batch), len(contract.columns))
        assert not np.isinf(batch.matrix).any()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([10**400, "2013-01-31"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*MIXED.names, "columns"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@quick
@given(_JSON)
def test_any_json_is_decoded_or_refused(value: Any) -> None:
    for contract in (MIXED, contract_of(column("n", "number", nullable=True))):
        assert_decoded_or_refused(contract, json.dumps(value).encode())


@quick
@given(st.binary() | _BODIES.flatmap(lambda body: st.integers(0, len(body)).map(lambda end: body.encode()[:end])))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    assert_decoded_or_refused(MIXED, body)


@quick
@given(st.lists(st.tuples(st.sampled_from(MIXED.names) | st.text(max_size=3), st.text()), max_size=6))
def test_any_query_is_decoded_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        assert len(Decoder(MIXED).query(pairs)) == 1
    except RefusedRequest as refused:
        assert refused.issues


_SECRETS = st.text(string.ascii_letters, min_size=6, max_size=12).map(lambda text: f"secret{text}")


@quick
@given(
    st.dictionaries(
        st.sampled_from([*MIXED.names, "other"]), _SECRETS | st.integers(10**9, 10**10).map(str), min_size=1
    )
)
def test_no_message_repeats_a_value(cells: dict[str, str]) -> None:
    row = ROW | cells
    everything = []
    for body in (row, [row, ROW], {"columns": {name: [value] for name, value in row.items()}}):
        try:
            everything.append(repr(decode(MIXED, body).warnings))
        except RefusedRequest as refused:
            everything.append(refused.detail + repr(refused.issues))
    try:
        everything.append(repr(Decoder(MIXED).query(list(cells.items())).warnings))
    except RefusedRequest as refused:
        everything.append(refused.detail + repr(refused.issues))
    for value in cells.values():
        assert not any(value in said for said in everything)


def test_a_number_that_means_missing_is_missing_by_every_way_in() -> None:
    reading = Reading(nulls=("-999",))
    decoder = Decoder(contract_of(column("n", "number", nullable=True, reading=reading)))
    ways = [
        decoder.rows(b'{"n": -999}'),
        decoder.rows(b'{"n": "-999"}'),
        decoder.rows(b'[{"n": -999}]'),
        decoder.rows(b'{"columns": {"n": [-999]}}'),
        decoder.columns({"n": np.array([-999.0])}),
        decoder.query([("n", "-999")]),
    ]
    assert all(np.isnan(batch.matrix).all() for batch in ways)
    assert decoder.rows(b'{"n": -998}').matrix.tolist() == [[-998.0]]


def test_a_time_whose_zone_leads_out_of_the_calendar_is_refused() -> None:
    day_first = Reading(dates=DateNotation(order="dayfirst"))
    decoder = Decoder(contract_of(column("w", "datetime", reading=day_first)))
    assert decoder.query([("w", "31.12.2023 23:00 -0500")]).matrix.shape == (1, 1)
    with pytest.raises(RefusedRequest):
        decoder.query([("w", "31.12.9999 23:00 -0500")])


def test_a_required_text_by_columns_may_not_be_missing_by_another_name() -> None:
    decoder = Decoder(contract_of(column("t", "text", reading=Reading(default_nulls=True))))
    with pytest.raises(RefusedRequest):
        decoder.rows(b'[{"t": "NA"}]')
    with pytest.raises(RefusedRequest):
        decoder.columns({"t": ["NA"]})
