"""Delimiters and headers: found out where they are plain, asked for where they are not, and taken as named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.data import read_table
from fasttrack.reading import ReadOptions
from tests.data.files import refusal, write

if TYPE_CHECKING:
    from pathlib import Path

MPG = (
    '18.0   8   307.0      3504.\t"chevrolet chevelle malibu"\n'
    '15.0   8   350.0      3693.\t"buick skylark 320"\n'
    ' 9.0   6   98.00      2046.\t"ford pinto"  \n'
)
"""Columns of a fixed width, with a tab before the last one, as in an archive of the 1990s."""
NAMES = {"a": [1, 3], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("file", "content", "options", "expected"),
    [
        ("t.data", "a b\n1 x\n3  y\n", {}, NAMES),
        ("t.txt", "a \t b\n1\tx\n 3 y \n", {}, NAMES),
        ("t.csv", "a b\n1 x\n3  y\n", {"delimiter": "whitespace"}, NAMES),
        ("t.csv", "a b\n1 x\n3 y\n", {"delimiter": " "}, NAMES),
        ("t.csv", "a^b\n1^x\n3^y\n", {"delimiter": "^"}, NAMES),
        ("t.csv", "a\tb\n1\tx\n3\ty\n", {"delimiter": "tab"}, NAMES),
        ("t.tsv", "a\tb\n-1,633\tx\n0,869\ty\n", {}, {"a": [-1.633, 0.869], "b": ["x", "y"]}),
        ("t.csv", "a,b;c\n1,x;y\n", {"delimiter": ","}, {"a": [1], "b;c": ["x;y"]}),
        ("t.csv", "sep=;\na;b\n1;x\n3;y\n", {}, NAMES),
        ("t.csv", "sep=;\r\na;b\r\n1;x\r\n3;y\r\n", {}, NAMES),
        ("t.csv", "full name\nJohn Smith\nJane Doe\n", {}, {"full name": ["John Smith", "Jane Doe"]}),
        ("t.txt", "full name\nJohn Smith\nJane Doe\n", {}, {"full name": ["John Smith", "Jane Doe"]}),
        ("t.txt", "room 1\nroom 2\nroom 3\n", {"header": "yes", "delimiter": ","}, {"room 1": ["room 2", "room 3"]}),
        (
            "t.data",
            MPG,
            {"header": "no"},
            {
                "column_1": [18.0, 15.0, 9.0],
                "column_2": [8, 8, 6],
                "column_3": [307.0, 350.0, 98.0],
                "column_4": [3504.0, 3693.0, 2046.0],
                "column_5": ["chevrolet chevelle malibu", "buick skylark 320", "ford pinto"],
            },
        ),
    ],
)
def test_any_delimiter_is_read(
    tmp_path: Path, file: str, content: str, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert read_table(write(tmp_path, file, content), reading=ReadOptions(**options)).to_pydict() == expected


@pytest.mark.parametrize("delimiter", [";;", "", "a", '"', "\n", "é"])
def test_a_delimiter_that_cannot_be_one_is_refused(delimiter: str) -> None:
    with pytest.raises(ValueError, match=r"^the delimiter .* cannot be used; write one character that is not a quote"):
        ReadOptions(delimiter=delimiter)


HEADLESS = {
    "iris": "5.1,3.5,1.4,Iris-setosa\n4.9,3.0,1.4,Iris-setosa\n7.0,3.2,4.7,Iris-versicolor\n",
    "adult": "39, State-gov, 77516, Bachelors\n50, Self-emp, 83311, Bachelors\n38, State-gov, 215646, HS-grad\n",
    "mushrooms": "p,x,s,n\ne,x,s,y\np,y,s,n\n",
    "passengers": '1,0,3,"Braund, Owen",male\n2,1,1,"Cumings, John",female\n3,1,3,"Heikkinen, Laina",male\n',
    "counts": "6,148,72,0\n1,85,66,1\n8,183,64,0\n",
    "prices by day": "2020-01-02,14.5,3\n2020-01-03,15.5,1\n2020-01-04,12.5,2\n",
}


@pytest.mark.parametrize("content", HEADLESS.values(), ids=HEADLESS)
def test_a_file_without_a_header_says_so(tmp_path: Path, content: str) -> None:
    name = write(tmp_path, "t.csv", content)
    assert refusal(name) == (
        f"{name} seems to have no header: its first row looks like the other rows; "
        "pass --header no to call the columns column_1, column_2, …, or --header yes if these are names"
    )
    rows = content.count("\n")
    read = read_table(name, reading=ReadOptions(header="no"))
    assert read.num_rows == rows
    assert read.column_names == [f"column_{number + 1}" for number in range(read.num_columns)]
    named = read_table(name, reading=ReadOptions(header="yes"))
    assert named.num_rows == rows - 1
    assert named.column_names == [cell.strip('"') for cell in content.split("\n")[0].split(",")] or '"' in content


HEADERS = {
    "years": "country,2019,2020,2021\nA,1,2,3\nB,2,3,4\n",
    "years only": "2019,2020,2021\n1,2,3\n2,3,4\n",
    "pixels": "label,0,1,2\n5,0,0,1\n3,0,2,1\n",
    "wavelengths": "400.5,402.5,404.5\n1.5,2.5,3.5\n2.5,3.5,4.5\n",
    "falling": "y,3,2,1\n1,0,0,0\n0,1,1,1\n",
    "words": "size,color\nsmall,red\nlarge,blue\n",
    "a name that is also a value": "color,type\nred,color\nblue,plain\n",
    "an empty first row": "a,b,c\n,,x\n1,2,y\n",
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_a_header_is_taken_for_one(tmp_path: Path, content: str) -> None:
    assert read_table(write(tmp_path, "t.csv", content)).column_names == content.split("\n")[0].split(",")


def test_an_option_that_a_format_does_not_have_is_refused(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", "a,b\n1,2\n")
    assert refusal(name, reading=ReadOptions(sheet="x")) == f"{name} cannot be read with --sheet; leave it out"
    database = "sqlite:///t.db"
    assert refusal(database, table="t", reading=ReadOptions(delimiter=";")) == (
        f"{database} is a database, not a file: leave out --delimiter"
    )
