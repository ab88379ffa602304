"""The schemas say what the decoder does: what they accept it accepts, and the reverse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fasttrack.contract import Column, Contract, Privacy, Target
from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.learn import learn_columns
from fasttrack.contract.openapi import (
    beginning_of_row,
    example_row,
    is_wide,
    label_key,
    query_reply_schema,
    reply_schema,
    request_examples,
    request_schema,
    row_schema,
)
from tests.budget import budget
from tests.contract.tables import Table, column, contract_of, tables

quick = settings(deadline=None, derandomize=True, max_examples=budget(300))

KINDS: list[Any] = ["number", "integer", "boolean", "category", "datetime"]
REQUIRED = contract_of(
    *(column(kind, kind) for kind in KINDS), *(column(f"{kind}?", kind, nullable=True) for kind in KINDS)
)
NULLABLE = contract_of(*(column(kind, kind, nullable=True) for kind in KINDS))
ODD = contract_of(column("columns", "number"), column('q"', "category", nullable=True))
CLASSES = Target(name="y", task="multiclass", classes=["a", "b", "c"], probabilities=True)


def accepts(contract: Contract, body: Any) -> bool:
    try:
        Decoder(contract).rows(json.dumps(body).encode())
    except RefusedRequest:
        return False
    return True


@pytest.mark.parametrize("contract", [REQUIRED, NULLABLE, ODD])
def test_the_schemas_are_valid(contract: Contract) -> None:
    for target in (contract.target, CLASSES):
        whole = Contract(columns=contract.columns, target=target)
        for schema in (row_schema(whole), request_schema(whole), reply_schema(whole), query_reply_schema(whole)):
            Draft202012Validator.check_schema(schema)
            json.dumps(schema)


@quick
@given(tables())
def test_the_examples_fit_the_schema_and_are_decoded_without_warnings(table: Table) -> None:
    columns = learn_columns(table.frame, table.kinds, Privacy(min_rows=1))
    contract = Contract(columns=columns, target=Target(name="y", task="regression"))
    validator = Draft202012Validator(request_schema(contract))
    for one in request_examples(contract).values():
        validator.validate(one["value"])
        assert not Decoder(contract).rows(json.dumps(one["value"]).encode()).warnings
    for cell in row_schema(contract)["properties"].values():
        for value in cell.get("examples", []):
            Draft202012Validator(cell).validate(value)


# Right and wrong types, but no text that only the meaning of a datetime could refuse.
_CELLS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -3, 3.0, 3.5, 1e300, 2**70, "2013-01-31T17:05:00Z", [], {}, [1]]
)
_NAMES = st.sampled_from([*REQUIRED.names, *ODD.names, "other"])
_RIGHT = {"number": 1.5, "integer": 3, "boolean": True, "category": "2013-01-31", "datetime": "2013-01-31T17:05:00Z"}
_ROWS: list[dict[str, Any]] = [_RIGHT, {}, {"columns": 1}]


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    row = {**draw(st.sampled_from(_ROWS)), **draw(st.dictionaries(_NAMES, _CELLS, max_size=2))}
    shape = draw(st.sampled_from(["row", "rows", "columns", "columns and more", "other"]))
    columns = {"columns": {name: [value] for name, value in row.items()}}
    match shape:
        case "row":
            return row
        case "rows":
            return draw(st.lists(st.sampled_from([row, _RIGHT, 5]), max_size=3))
        case "columns":
            return columns
        case "columns and more":
            return columns | draw(st.dictionaries(_NAMES, _CELLS, max_size=2))
    return draw(_CELLS)


@settings(quick, max_examples=budget(1500))
@given(bodies(), st.sampled_from([REQUIRED, NULLABLE, ODD]))
def test_the_schema_accepts_what_the_decoder_accepts(body: Any, contract: Contract) -> None:
    valid = Draft202012Validator(request_schema(contract)).is_valid(body)
    assert valid == accepts(contract, body)


def test_a_row_and_columns_are_told_apart_where_nothing_is_required() -> None:
    body = {"columns": {"number": ["text"]}}
    assert not Draft202012Validator(request_schema(NULLABLE)).is_valid(body)
    assert not accepts(NULLABLE, body)


def test_the_document_of_a_wide_model_has_its_example_row_once() -> None:
    narrow, wide = (contract_of(*(column(f"c{i}", "number") for i in range(size))) for size in (20, 21))
    assert not is_wide(narrow)
    assert row_schema(narrow)["example"] == example_row(narrow)
    assert set(request_examples(narrow)) == {"row", "rows", "columns"}
    assert is_wide(wide)
    assert "example" not in row_schema(wide)
    assert request_examples(wide) == {"row": {"summary": "One row", "value": example_row(wide)}}
    long = "word " * 20
    assert is_wide(contract_of(*(column(f"c{i}", "category", categories=[long], example=long) for i in range(20))))


def test_the_beginning_of_a_row_says_how_many_columns_follow() -> None:
    row = contract_of(*(column(name, "number", nullable=True) for name in "abcde"))
    assert beginning_of_row(row) == '{"a": null, "b": null, "c": null, … 2 more}'
    assert beginning_of_row(contract_of(column("ü", "number", nullable=True))) == '{"ü": null}'


def test_the_example_row_is_the_typical_training_row() -> None:
    contract = contract_of(column("n", "number", example=1.5), column("m", "number", nullable=True))
    assert example_row(contract) == {"n": 1.5, "m": None}


@pytest.mark.parametrize(
    ("one", "description"),
    [
        (
            column("n", "number", minimum=0.5, maximum=10.0),
            "Training range 0.5 to 10; values outside of the training data are scored, with a warning.",
        ),
        (
            column("c", "category", categories=["a", "b"]),
            "Known values: a, b. Others are scored as unseen, with a warning.",
        ),
        (
            column("c", "category", categories=[f"w{i}" for i in range(60)], shown=[7, 3]),
            "Known values: w7, w3 and 58 more. Others are scored as unseen, with a warning.",
        ),
        (
            column("b", "boolean", nullable=True, missing_share=0.125),
            "May be missing (null or absent), as in 12.50% of the training rows.",
        ),
        (
            column("t", "datetime", minimum=0.0, maximum=86400.0),
            "Training range 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z; values outside of the training data are "
            "scored, with a warning. ISO 8601; UTC if it has no time zone.",
        ),
    ],
)
def test_a_cell_is_described_by_what_training_knew(one: Column, description: str) -> None:
    assert row_schema(contract_of(one))["properties"][one.name]["description"] == description


def test_a_reply_fits_its_schema() -> None:
    contract = Contract(columns=[column("n", "number")], target=CLASSES)
    validator = Draft202012Validator(reply_schema(contract) | {"components": {"schemas": {"CellIssue": {}}}})
    shares = {"a": 0.2, "b": 0.3, "c": 0.5}
    assert validator.is_valid({"prediction": "c", "probabilities": shares, "model": "m@1"})
    assert validator.is_valid(
        {"predictions": ["c"], "probabilities": {k: [v] for k, v in shares.items()}, "model": "m@1"}
    )
    assert not validator.is_valid({"prediction": "d", "probabilities": shares, "model": "m@1"})
    assert not validator.is_valid({"prediction": "c", "model": "m@1"})


@pytest.mark.parametrize(("label", "key"), [("a", "a"), (True, "true"), (False, "false"), (1, "1"), (1.5, "1.5")])
def test_a_label_names_its_probability(label: Any, key: str) -> None:
    assert label_key(label) == key
