"""JSON Lines and arrays of objects keep their types, and each error names its line or row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.data import read_table
from tests.data.files import refusal, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param('{"a": 1, "b": null}\n{"a": 2.5, "b": "x"}', {"a": [1.0, 2.5], "b": [None, "x"]}, id="lines"),
        pytest.param(
            '\ufeff{"a": 1}\r\n\r\n{"a": 2}\r\n', {"a": [1, 2]}, id="byte order mark, blank and Windows lines"
        ),
        pytest.param('[{"a":\n1, "b": "x\\ny"},\n {"a": 2.5}]', {"a": [1.0, 2.5], "b": ["x\ny", None]}, id="array"),
        pytest.param('{"a": 1}\n{"b": true}', {"a": [1, None], "b": [None, True]}, id="absent keys"),
        pytest.param('{"": 1, "a/b": "ü\\u00fc", "c": [1]}', {"": [1], "a/b": ["üü"], "c": [[1]]}, id="odd names"),
        pytest.param('{"zip": "02134"}\n{"zip": "99999"}', {"zip": ["02134", "99999"]}, id="quoted numbers stay text"),
        pytest.param('{"a": 9223372036854775808}', {"a": [2.0**63]}, id="a whole number past 64 bits"),
        pytest.param('{"a": null}\n' * 40_000 + '{"a": "x"}', {"a": [None] * 40_000 + ["x"]}, id="nulls at first"),
        pytest.param(
            '{"a": "2013-01-01", "b": "2013-01-01T02:00:00.5+02:00"}\n{"b": "2013-01-01 05:00:00"}',
            {
                "a": [datetime(2013, 1, 1, tzinfo=UTC), None],
                "b": [datetime(2013, 1, 1, 0, 0, 0, 500_000, UTC), datetime(2013, 1, 1, 5, tzinfo=UTC)],
            },
            id="dates and times",
        ),
    ],
)
def test_json_keeps_its_types(tmp_path: Path, name: str, content: str, expected: dict[str, Any]) -> None:
    assert read_table(write(tmp_path, name, content)).to_pydict() == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n\n{"a": \n', "line 3 is not valid JSON (Input data was truncated); fix or remove it"),
        ('{"a": 1}\n{"a": 1}{"a": 2}', "line 2 is not valid JSON (trailing characters (byte 9)); fix or remove it"),
        (
            '{"a": 1}\n{"a": NaN}',
            "line 2 is not valid JSON (invalid character (byte 6)); write null for a missing value",
        ),
        ('{"a": 1}\n[1]\n', "line 2 is not a JSON object; each line must be one"),
        ("5", "line 1 is not a JSON object; each line must be one"),
        ('{\n"a": 1\n}', "line 1 is not valid JSON (Input data was truncated); fix or remove it"),
        ('{"a": 1}\n{"a": 1, "a": 2}', "row 2 has a key twice; fix or remove it"),
        ('{"a": 1}\n{"a": 1e999}', "row 2 has a number that a 64-bit float cannot hold; fix or remove it"),
        ('{"a": "\\ud800"}', "line 1 is not valid JSON (Input data was truncated); fix or remove it"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "line 1 is not valid JSON (maximum recursion depth exceeded"),
        ('[{"a": 1}, 2]', "row 2 is not a JSON object; each row must be one"),
        (
            '[{"a": 1}, ',
            "is not a JSON array of objects (Input data was truncated); fix it, or write one object a line",
        ),
        ("[" * 100_000, "is not a JSON array of objects (maximum recursion depth exceeded"),
        (b'{"a": "x\xa4\xd0"}', "line 1 is not UTF-8 (byte 0xa4); "),
        ("[]", "has no rows; check that it is the table you mean"),
        ("{}\n{}", "has no rows; check that it is the table you mean"),
        ("\n", "is empty; check that it was written completely"),
    ],
)
def test_a_file_that_is_not_a_json_table_is_reported_with_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    name = write(tmp_path, "t.jsonl", content)
    assert refusal(name).startswith(f"{name} {message}")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (['{"a": 1}', '{"a": "late"}'], 'a is "late", expected a number; fix the cell, pass --null late, or --kind a='),
        (['{"a": "x"}', '{"a": 7}'], "a is 7, expected text; "),
        (['{"a": true}', '{"a": 7}'], "a is 7, expected true or false; "),
        (['{"a": [1]}', '{"a": 7}'], "a is 7, expected an array; "),
        (['{"a": {"b": 1}}', '{"a": 7}'], "a is 7, expected an object; "),
        (['{"a/b": 1}', '{"a/b": "x y"}'], "a/b is \"x y\", expected a number; fix the cell, pass --null 'x y', "),
        (
            ['{"a": {"b": 1}}', '{"a": {"b": "x"}}'],
            "a/b is number in earlier rows; write it in one way, or leave it out",
        ),
    ],
)
def test_a_column_that_changes_its_type_is_reported_with_the_row(tmp_path: Path, rows: list[str], message: str) -> None:
    name = write(tmp_path, "t.jsonl", "\n\n".join([rows[0]] * 50 + [rows[1]] * 2))
    assert refusal(name).startswith(f"{name} row 51: {message}")


def test_nulls_are_missing_as_text_and_as_numbers(tmp_path: Path) -> None:
    name = write(tmp_path, "t.jsonl", '{"a": 1, "b": "x"}\n{"a": "spät", "b": "NA"}\n{"a": -999, "b": "sp\\u00e4t"}')
    assert read_table(name, nulls=["spät", "-999"]).to_pydict() == {"a": [1, None, None], "b": ["x", "NA", None]}
