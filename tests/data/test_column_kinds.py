"""A column's kind set by a user holds in every format, or the error names the first cell that is not of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import read_table
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.contract import Kind

NEW_YEAR = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("category", ["01234", "1.50", "NA", "true", "2013-01-01"], ["01234", "1.50", None, "true", "2013-01-01"]),
        ("number", ["1", " +2.5 ", "", "1e3"], [1.0, 2.5, None, 1000.0]),
        ("integer", ["1", "2.0", " +3 ", "", "-9223372036854775808"], [1, 2, 3, None, -(2**63)]),
        ("boolean", ["1", "0", "", "TRUE", "false"], [True, False, None, True, False]),
        ("datetime", ["2013-01-01", "", "2013-01-01T02:00:00+02:00"], [NEW_YEAR, None, NEW_YEAR]),
    ],
)
def test_a_kind_overrides_what_a_csv_looks_like(
    tmp_path: Path, kind: Kind, cells: list[str], expected: list[object]
) -> None:
    name = write(tmp_path, "t.csv", "a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    assert read_table(name, kinds={"a": kind}).column("a").to_pylist() == expected


@pytest.mark.parametrize(
    ("kind", "cells", "message"),
    [
        (
            "number",
            ["1", "many"],
            'a is "many", expected a number; fix the cell, pass --null many, or leave out --kind',
        ),
        ("integer", ["1", "1.5"], 'a is "1.5", expected a whole number'),
        ("integer", ["1", "9223372036854775808"], 'a is "9223372036854775808", expected a whole number'),
        ("boolean", ["true", "perhaps"], 'a is "perhaps", expected true or false'),
        ("boolean", ["1", "2"], 'a is "2", expected true or false'),
        ("datetime", ["2013-01-01", "soon"], 'a is "soon", expected a date or time'),
        ("datetime", ["2013-01-01", "1357002000"], 'a is "1357002000", expected a date or time'),
        ("number", ["1", "x" * 99], 'a is "' + "x" * 39 + '…", expected a number; fix the cell, or leave out --kind'),
    ],
)
def test_the_first_cell_of_a_csv_that_is_not_of_its_kind_is_named(
    tmp_path: Path, kind: Kind, cells: list[str], message: str
) -> None:
    rows = [cells[0]] * 1000 + [""] + [cells[1]] * 2 + [cells[0]] * 500
    name = write(tmp_path, "t.csv", "a,b\n" + "".join(f"{row},1\n" for row in rows))
    assert refusal(name, kinds={"a": kind}).startswith(f"{name} row 1002: {message}")


@pytest.mark.parametrize(
    ("kind", "column", "expected"),
    [
        ("number", pa.array([1, None, 2**53 + 1]), [1.0, None, 2.0**53]),
        ("number", pa.array([True, None]), [1.0, None]),
        ("number", pa.array(["1.5", None]), [1.5, None]),
        ("integer", pa.array([1.0, float("nan"), None]), [1, None, None]),
        ("integer", pa.array([True, None]), [1, None]),
        ("boolean", pa.array([1, None, 0]), [True, None, False]),
        ("boolean", pa.array([1.0, None, 0.0]), [True, None, False]),
        ("category", pa.array([1, None]), ["1", None]),
        ("category", pa.array([1.5, 2.0]), ["1.5", "2"]),
        ("datetime", pa.array(["2013-01-01 00:00:00", None]), [NEW_YEAR, None]),
        ("datetime", pa.array([NEW_YEAR, None]), [NEW_YEAR, None]),
        ("datetime", pa.nulls(2), [None, None]),
        ("number", pa.nulls(1), [None]),
    ],
)
def test_a_kind_converts_what_a_parquet_file_holds(
    tmp_path: Path, kind: Kind, column: pa.Array, expected: list[object]
) -> None:
    pq.write_table(pa.table({"a": column}), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", kinds={"a": kind})
    assert read.column("a").to_pylist() == expected
    expected_types = {"number": "double", "integer": "int64", "boolean": "bool", "category": "string"}
    assert types(read)["a"] == expected_types.get(kind, "timestamp[us, tz=UTC]")


@pytest.mark.parametrize(
    ("kind", "column", "message"),
    [
        ("integer", pa.array([1.0, None, 1.5]), "row 3: a is 1.5, expected a whole number"),
        ("boolean", pa.array([1, 0, 2]), "row 3: a is 2, expected true or false"),
        ("datetime", pa.array([None, 1357002000]), 'row 2: a is "1357002000", expected a date or time'),
        ("datetime", pa.array([True]), "row 1: a is True, expected a date or time"),
        ("number", pa.array([None, NEW_YEAR]), "row 2: a is 2013-01-01 00:00:00+00:00, expected a number"),
        ("integer", pa.array([NEW_YEAR]), "row 1: a is 2013-01-01 00:00:00+00:00, expected a whole number"),
        ("category", pa.array([None, [1, 2]]), "row 2: a is [1, 2], expected text"),
        ("number", pa.array([[1]]), "row 1: a is [1], expected a number"),
    ],
)
def test_the_first_cell_of_a_parquet_file_that_is_not_of_its_kind_is_named(
    tmp_path: Path, kind: Kind, column: pa.Array, message: str
) -> None:
    pq.write_table(pa.table({"a": column}), tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet", kinds={"a": kind}).startswith(f"{tmp_path / 't.parquet'} {message}")


@pytest.mark.parametrize(
    ("kind", "lines", "expected"),
    [
        ("category", ['{"a": 1.50}', '{"a": "x"}', '{"a": null}', "{}"], ["1.50", "x", None, None]),
        ("category", ['{"a": "2013-01-01"}', '{"a": true}'], ["2013-01-01", "true"]),
        ("number", ['{"a": "1.5"}', '{"a": 2}'], [1.5, 2.0]),
        ("datetime", ['{"a": "2013-01-01T00:00:00Z"}'], [NEW_YEAR]),
        ("boolean", ['{"a": true}', '{"a": 0}'], [True, False]),
    ],
)
def test_a_kind_converts_json(tmp_path: Path, kind: Kind, lines: list[str], expected: list[Any]) -> None:
    name = write(tmp_path, "t.jsonl", "\n".join(lines))
    assert read_table(name, kinds={"a": kind}).column("a").to_pylist() == expected
    array = write(tmp_path, "t.json", json.dumps([json.loads(line) for line in lines]).replace("1.5,", "1.50,"))
    assert read_table(array, kinds={"a": kind}).num_rows == len(lines)


def test_a_kind_for_an_unknown_column_is_reported_with_similar_names(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", "Zip,n\n1,2\n")
    assert refusal(name, kinds={"zap": "category"}) == (
        f"{name} has no column 'zap' to set a kind for; did you mean Zip?"
    )
    assert refusal(name, kinds={"price": "number"}) == (
        f"{name} has no column 'price' to set a kind for; it has 'Zip', 'n'"
    )
