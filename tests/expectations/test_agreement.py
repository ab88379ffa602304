"""A check of a table and the decoder of requests agree on every row."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttrack.contract import Contract, Target
from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.learn import learn_columns
from fasttrack.expectations import check
from fasttrack.graph.input_rules import Bound, InputRules, refused_rows
from tests.budget import budget
from tests.contract.tables import MOMENTS, TEXTS, Table, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

MICROS = pa.timestamp("us", "UTC")
ISO = st.sampled_from(
    [
        *("2013-01-31", "2013-1-31", "20130131", "2013-02-30", "2013-W05-4", "2013-01-31T17:05:00Z", "2013-01-31t17"),
        *("2013-01-31T17:05:00.123456+02:00", "2013-01-31T17:05,5", "2013-01-31T24:00", "2013-01-31T17:05:60"),
        *("0001-01-01T00:00+01:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"),
    ]
)
NUMBERS = st.floats(allow_nan=False) | st.integers(-9, 9).map(float)
CELLS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.float64(): NUMBERS,
    pa.int64(): st.integers(-9, 9) | st.integers(-(2**63), 2**63 - 1),
    pa.bool_(): st.booleans(),
    pa.string(): TEXTS | ISO,
    MICROS: MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    pa.null(): st.nothing(),
}
LIKELY = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "category": pa.string(),
    "text": pa.string(),
    "datetime": MICROS,
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Contract, pa.Table]:
    """A contract learned from one table, and another table that mostly has its columns and kinds."""
    learned: Table = draw(tables())
    contract = Contract(
        columns=learn_columns(learned.frame, learned.kinds), target=Target(name="the target", task="regression")
    )
    n = draw(st.integers(1, 6))
    columns: dict[str, pa.Array] = {}
    for column in contract.columns:
        if draw(st.integers(0, 7)) == 0:
            continue
        likely_type = LIKELY[column.kind]
        type_ = likely_type if draw(st.integers(0, 3)) else draw(st.sampled_from(list(CELLS)))
        if (
            column.kind in ("category", "text") and type_ == MICROS
        ):  # JSON has no times, only their text: here the check is stricter
            type_ = likely_type
        cells = CELLS[type_]
        seen = [cell for cell in learned.frame[column.name].dropna().tolist() if _fits(cell, type_)]
        if seen:
            cells |= st.sampled_from(seen)
        holes = st.none() if draw(st.integers(0, 2)) == 0 or type_ == pa.null() else st.nothing()
        columns[column.name] = pa.array(draw(st.lists(holes | cells, min_size=n, max_size=n)), type_)
    for stranger in draw(st.sets(st.sampled_from(["a stranger", "another"]))):
        columns[stranger] = pa.array([1] * n)
    if not columns:
        columns["a stranger"] = pa.array([1] * n)
    return contract, pa.table(columns)


def _fits(cell: Any, type_: pa.DataType) -> bool:
    try:
        pa.array([cell], type_)
    except (pa.ArrowException, TypeError, OverflowError):
        return False
    return bool(type_ != MICROS)


def as_json(cell: Any) -> str:
    if isinstance(cell, float) and math.isinf(cell):
        return "1e999" if cell > 0 else "-1e999"
    return json.dumps(cell.isoformat() if isinstance(cell, datetime) else cell)


def bodies(table: pa.Table) -> list[bytes]:
    return [
        ("{" + ",".join(f"{json.dumps(name)}:{as_json(cell)}" for name, cell in row.items()) + "}").encode()
        for row in table.to_pylist()
    ]


def in_parts(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    for start in range(0, len(table), rows):
        yield table.slice(start, rows)


@settings(max_examples=budget(120), deadline=None)
@given(cases(), st.integers(1, 6))
def test_a_row_is_broken_or_warned_exactly_when_the_decoder_refuses_or_warns(
    case: tuple[Contract, pa.Table], size: int
) -> None:
    contract, table = case
    result = check(contract, in_parts(table, size))
    decoder = Decoder(contract)
    names = set(contract.names)
    broken, warned, cells = 0, 0, Counter[tuple[str, str]]()
    odd = Counter[tuple[str | None, str]]()
    strangers: set[str | None] = set()
    good = []
    for row, body in enumerate(bodies(table)):
        try:
            batch = decoder.rows(body)
        except RefusedRequest as refusal:
            broken += 1
            cells.update(refusal.cells)
            continue
        good.append(row)
        warnings = [(warning.column, warning.message) for warning in batch.warnings if warning.column in names]
        strangers |= {warning.column for warning in batch.warnings} - names
        warned += bool(warnings)
        odd.update(warnings)
    assert (result.rows, result.broken, result.warned) == (len(table), broken, warned)
    counted = Counter[tuple[str, str]]()
    for finding in result.breaking:
        counted[finding.column, finding.reason] += finding.rows
    assert counted == cells
    of_good = check(contract, in_parts(table.take(pa.array(good, pa.int64())), size))
    told_by_check = {
        (finding.column, finding.message): finding.rows
        for finding in of_good.findings
        if finding.reason in ("unseen", "range")
    }
    assert told_by_check == odd
    if good:
        assert {finding.column for finding in of_good.findings if finding.reason == "new"} == strangers


@settings(max_examples=budget(60), deadline=None)
@given(cases(), st.data())
def test_what_a_compiled_model_refuses_is_counted_as_broken_too(
    case: tuple[Contract, pa.Table], data: st.DataObject
) -> None:
    contract, table = case
    places = st.sets(st.integers(0, len(contract.columns) - 1))
    rules = InputRules(
        must_be_known=tuple(
            j for j in data.draw(places) if contract.columns[j].categories and contract.columns[j].kind == "category"
        ),
        must_be_present=tuple(data.draw(places)),
        bounds=tuple(Bound(j, -5.0, 5.0) for j in data.draw(places) if contract.columns[j].kind == "number"),
    )
    decoder = Decoder(contract)
    broken = warned = 0
    for body in bodies(table):
        try:
            batch = decoder.rows(body)
        except RefusedRequest:
            broken += 1
            continue
        stopped = bool(refused_rows(rules, contract, batch.matrix)[0])
        broken += stopped
        warned += not stopped and any(warning.column in contract.names for warning in batch.warnings)
    result = check(contract, [table], refusals=rules)
    assert (result.broken, result.warned) == (broken, warned)
