"""CSV files as people have them are read as intended, and each error names its row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.data import Source, read_table
from fasttrack.errors import DataError
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from pathlib import Path

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
FAR = datetime(3013, 1, 1, microsecond=250_000, tzinfo=UTC)
"""Outside the range of nanoseconds in Arrow."""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("\ufeffa,b\n1,x\n", {"a": [1], "b": ["x"]}, id="byte order mark"),
        pytest.param("a;b\n1;x,y\n", {"a": [1], "b": ["x,y"]}, id="semicolons"),
        pytest.param("a\tb\n1\tx\n", {"a": [1], "b": ["x"]}, id="tabs"),
        pytest.param("a|b\n1|x\n", {"a": [1], "b": ["x"]}, id="pipes"),
        pytest.param("a\n1\n2\n", {"a": [1, 2]}, id="one column"),
        pytest.param("a;b\n1\n2\n", {"a;b": [1, 2]}, id="one column named with a semicolon"),
        pytest.param('"a;x","b"\n1,x\n', {"a;x": [1], "b": ["x"]}, id="a delimiter in a quoted name"),
        pytest.param("a, EUR;b\n1,5;2\n", {"a, EUR": [1.5], "b": [2]}, id="a comma in the name before a semicolon"),
        pytest.param('a,b\n"x;y;z",1\n"x;y",2\n', {"a": ["x;y;z", "x;y"], "b": [1, 2]}, id="semicolons in text"),
        pytest.param("a;b\n1,5;x\n-2;y\n", {"a": [1.5, -2.0], "b": ["x", "y"]}, id="decimal commas"),
        pytest.param("a;b\n1,5;1.5\n,5;2.5\n", {"a": [1.5, 0.5], "b": [1.5, 2.5]}, id="commas here and points there"),
        pytest.param("a;b\n1,5;x\nno;y\n", {"a": ["1,5", "no"], "b": ["x", "y"]}, id="commas in text"),
        pytest.param('a,b\n"1,5",2\n', {"a": [1.5], "b": [2]}, id="a decimal comma in a comma file"),
        pytest.param('a,b\n1,"two\nlines, ""quoted"""\n', {"a": [1], "b": ['two\nlines, "quoted"']}, id="quotes"),
        pytest.param('a,b\n5" disk,1\n', {"a": ['5" disk'], "b": [1]}, id="a quote within a cell is a letter"),
        pytest.param('"",0,"class"\n1,2,3\n', {"column_1": [1], "0": [2], "class": [3]}, id="odd names"),
        pytest.param(" a ,b\n1,2\n", {" a ": [1], "b": [2]}, id="a name keeps its spaces"),
        pytest.param("\n\r\na,b\n\n1,2\n\n", {"a": [1], "b": [2]}, id="blank lines"),
        pytest.param("a,b\r\n1,NA\r\n,x\r\n", {"a": [1, None], "b": [None, "x"]}, id="Windows lines"),
        pytest.param("a,b\r1,2\r3,4", {"a": [1, 3], "b": [2, 4]}, id="old Mac lines, the last without its end"),
        pytest.param("a,b\nNULL,\nnan,N/A\n", {"a": [None, None], "b": [None, None]}, id="spellings of missing"),
        pytest.param("a,b\n +1 ,1e3\n-2,.5\n", {"a": [1, -2], "b": [1000, 0.5]}, id="spellings of numbers"),
        pytest.param("a\n1\ninf\n", {"a": [1, float("inf")]}, id="infinity is a number"),
        pytest.param("a\ntrue\nFalse\n", {"a": [True, False]}, id="booleans"),
        pytest.param("a,b\n07:30,1\n08:00,2\n", {"a": ["07:30", "08:00"], "b": [1, 2]}, id="times of day are text"),
        pytest.param("a\n9223372036854775808\n", {"a": [2.0**63]}, id="a whole number past 64 bits"),
    ],
)
def test_csv_is_read_as_intended(tmp_path: Path, content: str, expected: dict[str, Any]) -> None:
    assert read_table(write(tmp_path, "t.csv", content)).to_pydict() == expected


@pytest.mark.parametrize(
    ("cells", "moments"),
    [
        (["2013-01-01", "2013-01-02"], [JANUARY, JANUARY.replace(day=2)]),
        (["2013-01-01 05:00:00"], [JANUARY.replace(hour=5)]),
        (["2013-01-01T05:00", "", "2013-01-01"], [JANUARY.replace(hour=5), None, JANUARY]),
        (["2013-01-01T05:00:00Z", "2013-01-01T05:00:00+02:00"], [JANUARY.replace(hour=5), JANUARY.replace(hour=3)]),
        (["2013-01-01T00:00:00Z", "2013-01-01 05:00:00"], [JANUARY, JANUARY.replace(hour=5)]),
        (["2013-01-01 02:00:00 +0200", "2013-01-01T00Z"], [JANUARY, JANUARY]),
        (["2013-01-01 00:00:00.5", "3013-01-01 00:00:00.25"], [JANUARY.replace(microsecond=500_000), FAR]),
        (["2013-01-01T00:00:00.123456789"], [JANUARY.replace(microsecond=123_456)]),
        (["0001-01-01", "9999-12-31"], [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]),
    ],
)
def test_iso_dates_and_times_are_timestamps(tmp_path: Path, cells: list[str], moments: list[datetime | None]) -> None:
    name = write(tmp_path, "t.csv", "a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    read = read_table(name)
    assert types(read)["a"] == "timestamp[us, tz=UTC]"
    assert read.column("a").to_pylist() == moments


def test_types_are_inferred_over_the_whole_file(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(200_000)) + "1.5,1 word\n"
    message = refusal(write(tmp_path, "t.csv", "a,b\n" + rows))
    assert 'row 200001: b is "1 word", expected a number' in message
    read = read_table(write(tmp_path, "t.csv", "a,b\n" + rows), kinds={"b": "category"})
    assert types(read) == {"a": "double", "b": "string"}


def test_cells_and_headers_may_be_longer_than_a_block(tmp_path: Path) -> None:
    long = "z" * 3_000_000
    read = read_table(write(tmp_path, "t.csv", f'a,b\n1,"{long}"\n2,c\n'))
    assert read.column("b").to_pylist() == [long, "c"]
    wide = read_table(write(tmp_path, "w.csv", f"{'w' * 1_200_000},b\n1,2\n"))
    assert [len(name) for name in wide.column_names] == [1_200_000, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; check that it was written completely"),
        ("\n \n", "is empty; check that it was written completely"),
        ("\ufeff", "is empty; check that it was written completely"),
        ("a,b\n", "has no rows; check that it is the table you mean"),
        ("a,b", "has no rows; check that it is the table you mean"),
        ("a,b,a\n1,2,3\n", "has the column 'a' twice; rename one"),
        ("a,b\n1,2\n1,2,3\n", "row 2 has 3 cells, the header has 2; fix the row, and quote cells that contain the"),
        ('a,b\n"x\ny",2\n\n3\n', "row 2 has 1 cell, the header has 2; "),
        ("a,b\n1,2,3\n1,2,3\n", "row 1 has 3 cells, the header has 2; "),
        ("a,b\n" + "1,2\n" * 300_000 + "3\n", "row 300001 has 1 cell, the header has 2; "),
        ('a,b\n1,"x\n2,y\n3,z\n', "row 1 opens a quote that is never closed; close it"),
        ('a,b\n1,2\n"1,x\n2,y\n', "row 2 opens a quote that is never closed; close it"),
        ('a,"b\n1,2\n', "header opens a quote that is never closed; close it"),
        (b"a,b\n1,\0\n", "line 2 contains a NUL byte, so it is not text; save the table as UTF-8 text"),
    ],
)
def test_a_csv_that_is_not_a_table_is_reported_with_its_place(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    name = write(tmp_path, "t.csv", content)
    assert refusal(name).startswith(f"{name} {message}")


def test_a_repeated_name_is_reported_even_when_other_columns_are_read(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", "a,b,a\n1,2,3\n")
    for columns in (["a"], ["b"], ["a", "b"]):
        with pytest.raises(DataError) as caught:
            Source(name).read(columns=columns)
        assert str(caught.value) == f"{name} has the column 'a' twice; rename one"


@pytest.mark.parametrize(
    ("cell", "column", "message"),
    [
        (
            "7late",
            "dep_delay",
            'dep_delay is "7late", expected a number; '
            "fix the cell, pass --null 7late, or --kind dep_delay=category to keep it as text",
        ),
        (
            "not 1",
            "dep delay",
            '"dep delay" is "not 1", expected a number; '
            "fix the cell, pass --null 'not 1', or --kind 'dep delay=category' to keep it as text",
        ),
        ("2\nlines", "x", 'x is "2\\nlines", expected a number; fix the cell, or --kind x=category to keep'),
        ("1x" * 50, "x", f'x is "{"1x" * 19}1…", expected a number; fix the cell, or --kind x=category to keep'),
        ("1.2.3", "1 2", '"1 2" is "1.2.3", expected a number; '),
        ("", "gap", ""),
    ],
)
def test_text_in_a_column_of_numbers_is_refused_with_its_row(
    tmp_path: Path, cell: str, column: str, message: str
) -> None:
    rows = [*range(15), "", f'"{cell}"', *range(10), '"l4st"', *range(30)]
    name = write(tmp_path, "flights.csv", f'"{column}",y\n' + "".join(f"{row},1\n" for row in rows))
    expected = f"{name} row 17: {message}" if cell else f'{name} row 28: gap is "l4st", expected a number'
    assert refusal(name).startswith(expected)
    read = read_table(name, nulls=[cell, "l4st"])
    assert types(read)[column] == "int64"
    assert read.column(column).null_count == 3
    assert types(read_table(name, kinds={column: "category"}))[column] == "string"


def test_numbers_with_decimal_commas_are_checked_alike(tmp_path: Path) -> None:
    cells = [f"{i},5" for i in range(30)]
    name = write(tmp_path, "t.csv", "a;b\n" + "".join(f"{cell};1\n" for cell in [*cells, "1many"]))
    assert 'row 31: a is "1many", expected a number' in refusal(name)
    assert 'row 31: a is "1many", expected a number' in refusal(name, kinds={"a": "number"})
    assert read_table(name, nulls=["1many"]).column("a").to_pylist() == [i + 0.5 for i in range(30)] + [None]
    assert read_table(name, kinds={"a": "category"}).column("a").to_pylist() == [*cells, "1many"]


def test_an_impossible_date_among_dates_is_refused_with_its_row(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", "a,b\n" + "2013-01-01,1\n" * 60 + "0000-00-00,2\n2013-02-30,3\n")
    assert refusal(name) == (
        f'{name} row 61: a is "0000-00-00", expected a date or time; '
        "fix the cell, pass --null 0000-00-00, or --kind a=category to keep it as text"
    )


def test_fewer_numbers_than_nearly_all_are_categories(tmp_path: Path) -> None:
    rows = [*range(18), "A1", "B2"]
    read = read_table(write(tmp_path, "t.csv", "code,y\n" + "".join(f"{row},1\n" for row in rows)))
    assert read.column("code").to_pylist() == [str(row) for row in rows]
