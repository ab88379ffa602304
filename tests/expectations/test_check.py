"""What a check finds in a table, its messages, and that batches give the same result as the whole."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fasttrack.contract import Contract
from fasttrack.expectations import CheckResult, Finding, check
from fasttrack.graph.input_rules import Bound, InputRules
from fasttrack.metrics.reference import learn_reference
from tests.contract.tables import column, contract_of

FLIGHTS = contract_of(
    column("delay", "number", minimum=-20.0, maximum=300.0),
    column("hour", "integer", minimum=0.0, maximum=23.0),
    column("late", "boolean", minimum=0.0, maximum=1.0),
    column("origin", "category", categories=["EWR", "JFK", "LGA"]),
    column("at", "datetime", minimum=0.0, maximum=1e9),
    column("wind", "number", nullable=True, missing_share=0.1, minimum=0.0, maximum=50.0),
)


def flights(rows: int = 4, **changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "delay": pa.array([1.5] * rows),
        "hour": pa.array([7] * rows),
        "late": pa.array([True] * rows),
        "origin": pa.array(["JFK"] * rows),
        "at": pa.array([datetime(1999, 1, 1, tzinfo=UTC)] * rows, pa.timestamp("us", "UTC")),
        "wind": pa.array([3.0] * rows),
    }
    return pa.table({name: cells for name, cells in (columns | changes).items() if cells is not None})


def check_both_ways(table: pa.Table, contract: Contract = FLIGHTS, **options: Any) -> CheckResult:
    whole = check(contract, [table], **options)
    assert whole == check(contract, (table.slice(i, 1) for i in range(len(table))), **options)
    return whole


def only_finding(table: pa.Table, contract: Contract = FLIGHTS, **options: Any) -> Finding:
    (finding,) = check_both_ways(table, contract, **options).findings
    return finding


def test_nothing_is_found_in_what_the_model_was_trained_on() -> None:
    assert check_both_ways(flights()) == CheckResult(rows=4, broken=0, warned=0, findings=[], psi={})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"delay": pa.array([1.0, None, 2.0, None])},
            "delay: no value, but the training data always had one (2 rows, 50.0%, row 2)",
        ),
        ({"delay": None}, "delay: no such column; expected a number (4 rows, 100.0%)"),
        (
            {"delay": pa.array(["1", "late", "2", None])},
            "delay: expected a number, the column is text; to convert it: --kind delay=number (3 rows, 75.0%, row 1 "
            'is "1")',
        ),
        (
            {"delay": pa.array([1.0, math.inf, 2.0, -math.inf])},
            "delay: too large for a 64-bit float (2 rows, 50.0%, row 2 is inf)",
        ),
        (
            {"hour": pa.array([1.0, 2.5, 3.0, 4.0])},
            "hour: expected a whole number (1 row, 25.0%, row 2 is 2.5)",
        ),
        (
            {"late": pa.array([1, 0, 1, 1])},
            "late: expected true or false, the column is whole numbers; to convert it: --kind late=boolean "
            "(4 rows, 100.0%, row 1 is 1)",
        ),
        (
            {"origin": pa.array([1, 2, 3, 4])},
            "origin: expected text, the column is whole numbers; to convert it: --kind origin=category "
            "(4 rows, 100.0%, row 1 is 1)",
        ),
        (
            {"at": pa.array([1, 2, 3, 4])},
            "at: expected an ISO 8601 date and time as text, the column is whole numbers (4 rows, 100.0%, row 1 is 1)",
        ),
        (
            {"at": pa.array(["2001-01-01", "soon", "2001-01-01T00:00Z", "2001-02-30"])},
            'at: expected an ISO 8601 date and time as text (2 rows, 50.0%, row 2 is "soon")',
        ),
        (
            {"delay": pa.array([[1.0], [2.0], None, [3.0]])},
            'delay: expected a number, the column is of type list<item: double> (3 rows, 75.0%, row 1 is "[1.0]")',
        ),
    ],
)
def test_what_a_request_is_refused_for_is_reported_with_its_rows(changes: dict[str, Any], message: str) -> None:
    result = check_both_ways(flights(**changes))
    breaking = [finding for finding in result.findings if finding.breaks]
    assert result.broken == sum(finding.rows for finding in breaking)  # each row has one error here
    assert message in [str(finding) for finding in breaking]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"origin": pa.array(["JFK", "XYZ", "JFK", "\n" + "long" * 20])},
            'origin: not among the 3 categories of the training data (2 rows, 50.0%, row 2 is "XYZ")',
        ),
        (
            {"delay": pa.array([1.0, 2.0, 3.0, 301.0])},
            "delay: outside the training range -20 to 300 (1 row, 25.0%, row 4 is 301.0)",
        ),
        (
            {"at": pa.array([datetime(2020, 5, 6, 7, tzinfo=UTC)] * 4, pa.timestamp("us", "UTC"))},
            "at: outside the training range 1970-01-01T00:00:00Z to 2001-09-09T01:46:40Z (4 rows, 100.0%, row 1 is "
            '"2020-05-06T07:00:00Z")',
        ),
    ],
)
def test_a_warning_is_reported_and_breaks_nothing(changes: dict[str, Any], message: str) -> None:
    result = check_both_ways(flights(**changes))
    assert [str(finding) for finding in result.findings] == [message]
    assert (result.broken, result.warned) == (0, result.findings[0].rows)
    assert not result.breaking


def test_new_columns_and_absent_nullable_ones_warn_of_no_row() -> None:
    result = check_both_ways(
        flights(wind=None, tail=pa.array(["a"] * 4), y=pa.array([1] * 4), id=pa.array([1] * 4)), known=["id"]
    )
    assert [(finding.column, finding.reason, finding.breaks, finding.rows) for finding in result.findings] == [
        ("wind", "missing", False, 4),
        ("tail", "new", False, 4),
    ]
    assert result.findings[0].message == "no such column; expected a number"
    assert result.findings[1].message == "not a column of this model and ignored"
    assert (result.broken, result.warned) == (0, 0)


@pytest.mark.parametrize(("missing", "worth_a_word"), [(10, False), (14, False), (17, False), (20, True), (100, True)])
def test_missing_cells_are_reported_when_there_are_noticeably_more(missing: int, worth_a_word: bool) -> None:
    """A tenth was missing in training: in 100 rows, nine more (three standard deviations) are noticeable."""
    wind = pa.array([None] * missing + [3.0] * (100 - missing), pa.float64())
    result = check_both_ways(flights(100, wind=wind))
    assert [finding.reason for finding in result.findings] == ["missing"] * worth_a_word
    assert (result.broken, result.warned) == (0, 0)


def test_every_row_is_counted_once_whatever_is_wrong_with_it() -> None:
    table = flights(
        delay=pa.array([None, 1e9, 1.0, 1.0]), hour=pa.array([99, 99, 7, 7]), origin=pa.array(["X", "X", "X", "JFK"])
    )
    result = check_both_ways(table)
    assert (result.rows, result.broken, result.warned) == (4, 1, 2)
    assert {(finding.column, finding.reason): finding.rows for finding in result.findings} == {
        ("delay", "missing"): 1,
        ("delay", "range"): 1,
        ("hour", "range"): 2,
        ("origin", "unseen"): 3,
    }


def test_examples_are_the_first_rows_with_different_cells() -> None:
    cells = ["JFK", "a", "a", "b", "a", "c", "d", None]
    finding = check(FLIGHTS, [flights(8, origin=pa.array(cells)).slice(0, 7)]).findings[0]
    assert [str(example) for example in finding.examples] == ['row 2 is "a"', 'row 4 is "b"', 'row 6 is "c"']


def test_cells_of_a_text_file_are_what_they_spell() -> None:
    table = flights(
        5,
        delay=pa.array(["1.5", " 2e1", "inf", "late", None]),
        hour=pa.array(["7", "7.0", "7.5", "+7", "x"]),
        late=pa.array(["true", "0", "FALSE", "1", "no"]),
        origin=pa.array(["JFK", "JFK", "12", "JFK", "JFK"]),
        at=pa.array(["1999-01-01", "1999-01-01 07:05 +01", "1999-02-30", "1999-01-01T07:05:00.123456789Z", ""]),
    )
    result = check_both_ways(table, untyped=FLIGHTS.names)
    assert {
        (finding.column, finding.reason): [example.row for example in finding.examples] for finding in result.findings
    } == {
        ("delay", "missing"): [5],
        ("delay", "type"): [4],
        ("delay", "range"): [3],
        ("hour", "type"): [3, 5],
        ("late", "type"): [5],
        ("origin", "unseen"): [3],
        ("at", "missing"): [5],
        ("at", "type"): [3],
    }
    assert str(result.findings[1]) == 'delay: expected a number (1 row, 20.0%, row 4 is "late")'


def test_what_a_compiled_model_cannot_take_breaks_the_row() -> None:
    rules = InputRules(must_be_known=(3,), must_be_present=(5,), bounds=(Bound(0, -100.0, 100.0),))
    table = flights(
        delay=pa.array([101.0, 1.0, 1.0, 1.0]),
        origin=pa.array(["JFK", "X", "JFK", "JFK"]),
        wind=pa.array([1.0, 1.0, None, 1.0]),
    )
    result = check_both_ways(table, refusals=rules)
    assert (result.broken, result.warned) == (3, 0)
    assert [str(finding) for finding in result.breaking] == [
        "delay: outside the range that the model accepts, -100 to 100 (1 row, 25.0%, row 1 is 101.0)",
        'origin: not among the 3 categories that the model accepts (1 row, 25.0%, row 2 is "X")',
        "wind: missing; the model requires a value (1 row, 25.0%, row 3)",
    ]


def test_times_that_no_request_can_carry_are_refused() -> None:
    beyond = pa.array([0, 2**62, -(2**62), 253402300799999999]).cast(pa.timestamp("us", "UTC"))
    contract = contract_of(column("at", "datetime"))
    result = check_both_ways(pa.table({"at": beyond}), contract)
    assert [(finding.reason, finding.rows) for finding in result.findings] == [("type", 2)]
    assert str(result.findings[0].examples[0]) == 'row 2 is "4611686018427 s since 1970"'


def test_drift_is_the_stability_index_of_the_bins_in_the_bundle() -> None:
    random = np.random.default_rng(0)
    contract = contract_of(
        column("x", "number", minimum=-9.0, maximum=9.0), column("word", "category", categories=["a", "b"])
    )
    matrix = np.column_stack([random.normal(size=5000), random.integers(0, 2, 5000)])
    reference = learn_reference(contract, matrix, random.normal(size=100))
    same = pa.table({"x": random.normal(size=1000), "word": random.choice(["a", "b"], 1000)})
    psi = check(contract, [same.slice(0, 700), same.slice(700)], reference=reference).psi
    assert set(psi) == {"x", "word"}
    assert max(psi.values()) < 0.05
    moved = pa.table({"x": random.normal(size=1000) + 1, "word": ["a"] * 900 + ["b"] * 100})
    drifted = check(contract, [moved], reference=reference)
    assert drifted.drifted == ["x", "word"]
    now, then = np.array([0.9, 0.1]), np.bincount(matrix[:, 1].astype(int)) / 5000
    assert drifted.psi["word"] == pytest.approx(((now - then) * np.log(now / then)).sum())
    assert check(contract, [moved.slice(0, 499)], reference=reference).psi == {}, "too few rows to tell"


def test_json_has_row_numbers_and_no_cells() -> None:
    table = flights(origin=pa.array(["JFK", "Miller", "JFK", "JFK"]), delay=pa.array([1.0, None, 2.0, 3.0]))
    text = check_both_ways(table).as_json("flights.parquet", "flights@abc")
    assert "Miller" not in text
    content = json.loads(text)
    assert list(content) == ["source", "model", "rows", "rows_refused", "rows_warned", "findings", "psi"]
    assert (content["rows"], content["rows_refused"], content["rows_warned"]) == (4, 1, 0)
    assert content["findings"][1] == {
        "column": "origin",
        "reason": "unseen",
        "breaks": False,
        "rows": 1,
        "share": 0.25,
        "message": "not among the 3 categories of the training data",
        "first_rows": [2],
    }


def test_a_share_of_rows_can_be_tolerated() -> None:
    result = check_both_ways(
        flights(100, origin=pa.array(["X"] + ["JFK"] * 99), delay=pa.array([None] * 2 + [1.0] * 98))
    )
    assert [finding.reason for finding in result.beyond(["missing", "unseen"], 0.0)] == ["missing", "unseen"]
    assert [finding.reason for finding in result.beyond(["missing", "unseen"], 0.01)] == ["missing"]
    assert result.beyond(["type", "range", "new"], 0.0) == []
