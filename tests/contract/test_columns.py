"""Columns of any origin get the answers, refusals and warnings that the same rows get as JSON."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fasttrack.contract import Contract, Target
from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.frame import frame_columns, matrix_from_frame
from fasttrack.contract.learn import learn_columns
from fasttrack.errors import DataError
from tests.budget import budget
from tests.contract.tables import Table, as_sent, column, contract_of, tables

if TYPE_CHECKING:
    from collections.abc import Callable

quick = settings(deadline=None, derandomize=True, max_examples=budget(150))
BERLIN = timezone(timedelta(hours=1))

COLUMNS = [
    column("number", "number", minimum=0.0, maximum=10.0),
    column("number, nullable", "number", nullable=True),
    column("number, narrow", "number", nullable=True, dtype="float32"),
    column("integer", "integer", minimum=-5.0, maximum=100.0),
    column("integer, nullable", "integer", nullable=True, categories=[1, 2, 3]),
    column("boolean", "boolean"),
    column("boolean, nullable", "boolean", nullable=True),
    column("category", "category", categories=["x", "", "y"]),
    column("category, nullable", "category", nullable=True),
    column("datetime", "datetime", minimum=0.0, maximum=2e9),
    column("datetime, nullable", "datetime", nullable=True),
]
FLOATS = [0.0, -0.0, 1.0, 3.5, 2.0**53, 1e300, -1e-300, math.inf, -math.inf]
WHOLE = [0, 1, 2, -3, 100, 101, 127]
LONG = [*WHOLE, 2**53 + 1, -(2**53) - 1, 2**63 - 1]
TEXTS = ["x", "y", "", "z", "12", "2013-01-31", "2013-01-31T17:05:00Z", "2013-13-01", "ü"]
NAIVE = [datetime(1970, 1, 1), datetime(2013, 1, 31, 17, 5, 0, 250_001), datetime(1969, 12, 31, 23, 59, 59, 999_999)]
MOMENTS = [*NAIVE, datetime(1700, 1, 1), datetime(2200, 12, 31, 1)]
MIXED_MOMENTS = [*NAIVE, date(1970, 1, 1), datetime(2013, 1, 31, 17, tzinfo=BERLIN), np.datetime64("2013-01-31T17:05")]
SECONDS = [moment.replace(microsecond=0) for moment in MOMENTS]
DAYS = [date(1970, 1, 1), date(1969, 12, 31), date(2013, 2, 28)]


class Foreign:
    """A table or column of a library that is known by the Arrow PyCapsule interface only, such as polars."""

    def __init__(self, arrow: pa.Table | pa.ChunkedArray) -> None:
        self._arrow = arrow

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._arrow.__arrow_c_stream__(schema)


def masked(dtype: str) -> Callable[[list[Any]], Any]:
    def make(cells: list[Any]) -> Any:
        filled = [0 if cell is None else cell for cell in cells]
        return np.ma.MaskedArray(np.array(filled, dtype=dtype), [cell is None for cell in cells])

    return make


def array(dtype: Any, missing: Any = None) -> Callable[[list[Any]], Any]:
    return lambda cells: np.array([missing if cell is None else cell for cell in cells], dtype=dtype)


def series(dtype: str) -> Callable[[list[Any]], Any]:
    return lambda cells: pd.Series(cells, dtype=dtype)


def zoned(cells: list[Any]) -> Any:
    return pd.Series(cells, dtype="datetime64[us]").dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")


def arrow(kind: pa.DataType, parts: int = 1) -> Callable[[list[Any]], Any]:
    def make(cells: list[Any]) -> Any:
        size = -(-len(cells) // parts)
        return pa.chunked_array([pa.array(cells[k * size : (k + 1) * size], kind) for k in range(parts)], kind)

    return make


def objects(cells: list[Any]) -> Any:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values


# origin → values that its cells may have, whether one may be missing, how the column is made
ORIGINS: dict[str, tuple[list[Any], bool, Callable[[list[Any]], Any]]] = {
    "list of numbers": ([*FLOATS, *LONG, 10**400], True, list),
    "list of anything": ([*FLOATS, *LONG, *TEXTS, True, False, [], {}, [1]], True, list),
    "tuple": (TEXTS, True, tuple),
    "list of Python and NumPy objects": (
        [np.float64(3.5), np.int8(3), np.bool_(True), np.str_("x"), Decimal("0.1"), Decimal("1e999"), *MIXED_MOMENTS],
        True,
        list,
    ),
    "float64": (FLOATS, True, array("float64", math.nan)),
    "float32": ([0.0, 0.1, 3.5, 1e30, math.inf], True, array("float32", math.nan)),
    "float16": ([0.0, 0.1, 3.5, math.inf], True, array("float16", math.nan)),
    "int64": (LONG, False, array("int64")),
    "int8": (WHOLE[:5], False, array("int8")),
    "uint64": ([0, 1, 2**53 + 1, 2**64 - 1], False, array("uint64")),
    "bool": ([True, False], False, array("bool")),
    "text array": (TEXTS, False, array("str")),
    "object array": ([*TEXTS, True, 3, 3.5, math.nan, pd.NA, pd.NaT], True, objects),
    "masked floats": (FLOATS, True, masked("float64")),
    "masked integers": (LONG, True, masked("int64")),
    "masked booleans": ([True, False], True, masked("bool")),
    "masked objects": (TEXTS, True, masked("object")),
    "datetime64[us]": (MOMENTS, True, array("datetime64[us]", "NaT")),
    "datetime64[ns]": (MOMENTS, True, array("datetime64[ns]", "NaT")),
    "datetime64[s]": (SECONDS, True, array("datetime64[s]", "NaT")),
    "datetime64[D]": (DAYS, True, array("datetime64[D]", "NaT")),
    "pandas Int64": (LONG, True, series("Int64")),
    "pandas UInt8": ([0, 1, 255], True, series("UInt8")),
    "pandas Float32": ([0.0, 0.5, 1e30], True, series("Float32")),
    "pandas boolean": ([True, False], True, series("boolean")),
    "pandas object": (TEXTS, True, series("object")),
    "pandas str": (TEXTS, True, series("str")),
    "pandas string": (TEXTS, True, series("string")),
    "pandas category": (TEXTS, True, series("category")),
    "pandas category of numbers": (WHOLE, True, series("category")),
    "pandas category of booleans": ([True, False], True, series("category")),
    "pandas category on Arrow": (TEXTS, True, lambda cells: series("string[pyarrow]")(cells).astype("category")),
    "pandas datetimes": (MOMENTS, True, series("datetime64[ns]")),
    "pandas datetimes in a zone": (MOMENTS, True, zoned),
    "pandas on Arrow, integers": (LONG, True, series("int64[pyarrow]")),
    "pandas on Arrow, booleans": ([True, False], True, series("bool[pyarrow]")),
    "pandas on Arrow, text": (TEXTS, True, series("string[pyarrow]")),
    "pandas on Arrow, datetimes": (MOMENTS, True, series("timestamp[us][pyarrow]")),
    "pandas sparse": (FLOATS[:4], True, lambda cells: pd.Series(cells, dtype="float64").astype("Sparse[float64]")),
    "pandas index": ([0.0, 3.5], True, lambda cells: pd.Index(cells, dtype="float64")),
    "Arrow doubles": (FLOATS, True, arrow(pa.float64())),
    "Arrow floats": ([0.0, 0.5, math.inf], True, arrow(pa.float32())),
    "Arrow integers": (LONG, True, arrow(pa.int64())),
    "Arrow booleans": ([True, False], True, arrow(pa.bool_())),
    "Arrow text": (TEXTS, True, arrow(pa.string())),
    "Arrow large text": (TEXTS, True, arrow(pa.large_string())),
    "Arrow text views": (TEXTS, True, arrow(pa.string_view())),
    "Arrow dictionary": (TEXTS, True, lambda cells: pa.array(cells, pa.string()).dictionary_encode()),
    "Arrow dictionary of numbers": (WHOLE, True, lambda cells: pa.array(cells, pa.int64()).dictionary_encode()),
    "Arrow nulls": ([], True, arrow(pa.null())),
    "Arrow decimals": ([Decimal("0.1"), Decimal("3.5"), Decimal("2")], True, arrow(pa.decimal128(10, 2))),
    "Arrow timestamps": (MOMENTS, True, arrow(pa.timestamp("ns"))),
    "Arrow timestamps in a zone": (MOMENTS, True, arrow(pa.timestamp("us", "Europe/Berlin"))),
    "Arrow days": (DAYS, True, arrow(pa.date32())),
    "Arrow days in milliseconds": (DAYS, True, arrow(pa.date64())),
    "another library's numbers": (FLOATS, True, lambda cells: Foreign(arrow(pa.float64(), 2)(cells))),
    "another library's text": (TEXTS, True, lambda cells: Foreign(arrow(pa.string_view())(cells))),
    "another library's dictionary": (
        TEXTS,
        True,
        lambda cells: Foreign(pa.chunked_array([pa.array(cells, pa.string()).dictionary_encode()])),
    ),
}
NARROW: dict[str, Any] = {
    "float32": np.float32,
    "float16": np.float16,
    "pandas Float32": np.float32,
    "Arrow floats": np.float32,
}


def json_text(origin: str, cell: Any) -> str:
    """A cell as a client writes it into a JSON request."""
    if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:
        return "null"
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, datetime):
        return json.dumps((cell if cell.tzinfo else cell.replace(tzinfo=UTC)).isoformat())
    if isinstance(cell, date):
        return json.dumps(cell.isoformat())
    if isinstance(cell, Decimal):
        return str(cell)
    if isinstance(cell, float):
        number = float(NARROW[origin](cell)) if origin in NARROW else cell
        return f"{'-' if number < 0 else ''}1e999" if math.isinf(number) else repr(number)
    return json.dumps(cell)


def outcome(decode: Callable[[], Any]) -> Any:
    """All of a decoder's answer, comparable."""
    try:
        batch = decode()
    except RefusedRequest as refused:
        return refused.reason, refused.detail, refused.issues, refused.total, refused.cells
    text = {j: list(words) for j, words in batch.text.items()}
    return repr((batch.matrix.tolist(), text, batch.single, batch.unusual, batch.warnings))  # NaN is itself in a repr


def agree(decoder: Decoder, table: Any, body: str) -> None:
    assert outcome(lambda: decoder.columns(table)) == outcome(lambda: decoder.rows(body.encode()))


@pytest.mark.parametrize("origin", ORIGINS)
@settings(quick, max_examples=budget(60))
@given(data=st.data())
def test_cells_of_any_origin_are_read_as_they_are_in_json(origin: str, data: st.DataObject) -> None:
    values, holes, make = ORIGINS[origin]
    cell = st.sampled_from(values) if values else st.none()
    cells = data.draw(st.lists(st.none() | cell if holes else cell, max_size=5))
    of = data.draw(st.sampled_from(COLUMNS))
    decoder = Decoder(contract_of(of))
    table = {of.name: make(cells)}
    body = ", ".join(json_text(origin, cell) for cell in cells)
    agree(decoder, table, f'{{"columns": {{{json.dumps(of.name)}: [{body}]}}}}')


@quick
@given(tables())
@example(Table(pd.DataFrame({"a": [1.0, None]}), {"a": "boolean"}))  # true, and missing, as a training frame has them
def test_every_training_frame_is_read_as_its_rows_are(table: Table) -> None:
    contract = Contract(columns=learn_columns(table.frame, table.kinds), target=Target(name="y", task="regression"))
    decoder = Decoder(contract)
    batch = decoder.columns(frame_columns(contract, table.frame))
    np.testing.assert_array_equal(batch.matrix, matrix_from_frame(contract, table.frame))
    assert not batch.warnings
    if "boolean" in table.kinds.values():
        return
    rows = decoder.rows(json.dumps(as_sent(contract, table.frame)).encode())
    for columns in (batch, decoder.columns(table.frame)):
        np.testing.assert_array_equal(columns.matrix, rows.matrix)
        assert {j: list(words) for j, words in columns.text.items()} == {j: list(w) for j, w in rows.text.items()}


TABLE = contract_of(column("x", "number"), column("word", "category", nullable=True, categories=["a"]))
BODY = '{"columns": {"x": [1, 2.5], "word": ["a", null], "other": [0, 0]}}'
PARTS = {"x": [1.0, 2.5], "word": ["a", None], "other": [0, 0]}


@pytest.mark.parametrize(
    "table",
    [
        PARTS,
        pd.DataFrame(PARTS),
        pa.table(PARTS),
        pa.RecordBatch.from_pydict(PARTS),
        Foreign(pa.table(PARTS)),
        np.array([(1.0, "a", 0), (2.5, None, 0)], dtype=[("x", "f8"), ("word", "O"), ("other", "i4")]),
    ],
    ids=["dict", "pandas", "Arrow", "batch", "another library", "structured"],
)
def test_a_table_of_any_library_is_read_by_its_column_names(table: Any) -> None:
    agree(Decoder(TABLE), table, BODY)


@pytest.mark.parametrize(
    ("table", "body"),
    [
        ({"x": [1, 2, 3], "word": ["a"]}, '{"columns": {"x": [1, 2, 3], "word": ["a"]}}'),
        ({"word": np.array([])}, '{"columns": {"word": []}}'),
        ({}, '{"columns": {}}'),
        ({"x": "text"}, '{"columns": {"x": "text"}}'),
        ({"x": None}, '{"columns": {"x": null}}'),
        ({"x": np.array([]), "word": pa.array([])}, '{"columns": {"x": [], "word": []}}'),
        ({"x": np.zeros(3001)}, f'{{"columns": {{"x": {[0] * 3001}}}}}'),
        ({"x": np.full(300, 11.0)}, f'{{"columns": {{"x": {[11] * 300}}}}}'),
        ({"x": np.full(300, np.nan)}, f'{{"columns": {{"x": [{", ".join(["null"] * 300)}]}}}}'),
    ],
    ids=["lengths", "required", "none", "text", "null", "empty", "too many", "300 warnings", "300 refusals"],
)
def test_a_table_of_another_shape_is_refused_as_in_json(table: Any, body: str) -> None:
    agree(Decoder(TABLE, max_rows=3000), table, body)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (np.zeros((2, 2)), "an array of 2 dimensions"),
        (np.float64(1), "a number"),
        ({1, 2}, "an object"),
        (b"12", "an object"),
        (iter([1]), "an object"),
    ],
)
def test_what_is_not_a_column_is_refused(cells: Any, name: str) -> None:
    with pytest.raises(RefusedRequest, match=f"column 'x': expected an array of values, got {name}$"):
        Decoder(TABLE).columns({"x": cells})


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ([[1.0]], "an array"),
        ([np.array([1.0])], "an object"),
        ([b"1"], "an object"),
        (np.array([b"1"]), "an object"),
        (pa.array([[1.0]]), "an array"),
        (np.array([1], dtype="m8[s]"), "an object"),
        (np.array([1j]), "an object"),
    ],
)
def test_a_cell_of_a_type_that_json_does_not_have_is_refused(cells: Any, name: str) -> None:
    with pytest.raises(RefusedRequest, match=f"row 0, column 'x': expected a number, got {name}$"):
        Decoder(TABLE).columns({"x": cells})


def test_what_is_not_a_table_is_named() -> None:
    with pytest.raises(DataError, match="a list is not a table"):
        Decoder(TABLE).columns([1, 2])
    frame = pd.DataFrame([[1, 2]], columns=["x", "x"])
    with pytest.raises(DataError, match="two columns named 'x'"):
        Decoder(TABLE).columns(frame)


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s", "m", "h", "D"])
def test_a_moment_of_any_unit_is_in_bounds_or_refused(unit: Any) -> None:
    decoder = Decoder(contract_of(column("t", "datetime")))
    moment = np.datetime64("2013-01-31T00:00:00").astype(f"datetime64[{unit}]")
    assert decoder.columns({"t": np.array([moment])}).matrix[0, 0] == 1359590400
    if unit in ("ms", "s", "D"):
        for year in ("0000-12-31", "10000-01-01", "-9000-01-01", "250000-01-01"):
            far = np.array([np.datetime64(year, unit)])
            with pytest.raises(RefusedRequest, match="expected an ISO 8601 date and time, such as"):
                decoder.columns({"t": far})


def test_nanoseconds_are_cut_to_microseconds_as_in_text() -> None:
    contract = contract_of(column("t", "datetime"))
    cells = np.array([-1, 1_999, 1_500_000_000_123_456_789, -1_500_000_000_123_456_789]).view("datetime64[ns]")
    text = ", ".join(f'"{cell}Z"' for cell in cells)
    agree(Decoder(contract), {"t": cells}, f'{{"columns": {{"t": [{text}]}}}}')


def test_good_columns_are_read_at_once_and_not_cell_by_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        raise AssertionError("a cell was read by itself")

    monkeypatch.setattr("fasttrack.contract.column_input.check", slow)
    rows = 300
    table = {
        "number": np.linspace(0, 1, rows),
        "integer": pd.Series(range(rows), dtype="Int64"),
        "boolean": [True, False] * (rows // 2),
        "category": pa.array(["x", "y"] * (rows // 2)),
        "datetime": np.datetime64("2013-01-01", "ns") + np.arange(rows),
    }
    contract = contract_of(*(of for of in COLUMNS if of.name in table or of.nullable))
    assert len(Decoder(contract).columns(table)) == rows
