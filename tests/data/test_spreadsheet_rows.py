"""Row numbers, empty columns, empty rows and rows of totals are left out with a note, and nothing else is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.data import Source, read_table, scan_table
from fasttrack.reading import ReadOptions
from tests.budget import budget
from tests.data.files import refusal, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXAMPLES = budget(5000, 300)
INDEX = "the first column has no name and numbers the rows, so it is left out"
TOTAL = "1 row of totals at the end left out"


@pytest.mark.parametrize(
    ("content", "expected", "notes"),
    [
        (",a\n0,5\n1,6\n2,7\n", {"a": [5, 6, 7]}, [INDEX]),
        ('"","a"\n"1",5\n"2",6\n', {"a": [5, 6]}, [INDEX]),
        ("Unnamed: 0,a\n0,5\n1,6\n", {"a": [5, 6]}, [INDEX]),
        ("a,b,\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}, ["column 3 has no name and no value, so it is left out"]),
        (
            "a,,b,\n1,,2,\n3,,4,\n",
            {"a": [1, 3], "b": [2, 4]},
            ["columns 2 and 4 have no name and no value, so they are left out"],
        ),
        ("a,b\n1,x\n,\n2,y\n , \n", {"a": [1, 2], "b": ["x", "y"]}, ["2 empty rows left out"]),
        (",,\n,,\na,b,c\n1,2,x\n", {"a": [1], "b": [2], "c": ["x"]}, []),
        ("region,n\nN,1\nS,2\nTotal,3\n", {"region": ["N", "S"], "n": [1, 2]}, [TOTAL]),
        ("region,n,p\nN,1,4\nS,2,5\n SUM: ,3,4.5\n", {"region": ["N", "S"], "n": [1, 2], "p": [4, 5]}, [TOTAL]),
        ("n,r\nN,1.25\nS,2.5\nGesamt,3.7\n", {"n": ["N", "S"], "r": [1.25, 2.5]}, [TOTAL]),
        (
            "region,n\nN,1\nS,2\nTotal,3\nGrand total,3\n",
            {"region": ["N", "S"], "n": [1, 2]},
            ["2 rows of totals at the end left out"],
        ),
        ("a,b\r1,2\r,\r3,4\r", {"a": [1, 3], "b": [2, 4]}, ["1 empty row left out"]),
    ],
)
def test_what_a_spreadsheet_adds_is_left_out(
    tmp_path: Path, content: str, expected: dict[str, Any], notes: list[str]
) -> None:
    name = write(tmp_path, "t.csv", content)
    source = Source(name)
    assert source.names == list(expected)
    assert source.read().to_pydict() == expected
    assert source.notes == notes
    for column in expected:  # the same rows, whatever is read of them
        assert read_table(name, columns=[column]).to_pydict() == {column: expected[column]}
    assert [table.to_pydict() for table in scan_table(name).batches()] == [expected]


def test_notation_does_not_hide_a_total(tmp_path: Path) -> None:
    source = Source(write(tmp_path, "t.csv", "region;n\nN;1.000,50\nS;2.000,25\nW;2,00\nSumme:;3.002,75\n"))
    assert source.read().column("region").to_pylist() == ["N", "S", "W"]
    assert source.notes == [TOTAL]


def test_an_export_of_a_spreadsheet_is_the_table(tmp_path: Path) -> None:
    chance = random.Random(0)
    areas = [round(chance.uniform(20, 150), 1) for _ in range(160)]
    exact = [900.6 * area for area in areas]
    rows = [f"{row},{price:.0f},{area},," for row, (price, area) in enumerate(zip(exact, areas, strict=True))]
    text = "\r\n".join([",Price,Area,,", *rows, ",,,,", f"Total,{sum(exact):.0f},,,", ""])
    source = Source(write(tmp_path, "t.csv", "\ufeff" + text))
    read = source.read()
    assert read.to_pydict() == {"Price": [round(price) for price in exact], "Area": areas}
    assert len(source.notes) == 4
    assert not any(str(round(sum(exact))) in note for note in source.notes)


@pytest.mark.parametrize(
    "content",
    [
        "region,n\nN,1\nS,2\nTotal,30\n",  # no sum
        "region,n\nN,10\nS,20\nTotal,31\n",
        "region,n,t\nN,1,a\nS,2,b\nTotal,3,a\n",  # another text cell
        "region,n\nTotal,3\nN,1\nS,2\n",  # not at the end
        "region,n\nTotal,1\nTotal,1\nTotal,1\nTotal,1\nTotal,1\n",
        "region,n\nN,1\nTotal,1\n",  # of one row
        "region,n\nN,1\nS,2\nTotal,3\nTotal,5\n",  # the last is none
        "n,region\n1,N\n2,S\n3,Total\n",  # the numbers come first
        "a,b\n1,\n2,\n",  # an empty column with a name
        "i,a\n0,5\n1,6\n",  # a named column of row numbers
        'a,b\n1,"x\n,\ny"\n2,z\n',  # an empty line in a cell
        "a,b\n,1\n2,\n",
        "a\n\n1\n",
    ],
)
def test_what_may_be_data_stays(tmp_path: Path, content: str) -> None:
    name = write(tmp_path, "t.csv", content)
    source = Source(name)
    read = source.read()
    assert source.notes == []
    plain = read_table(write(tmp_path, "u.csv", content.replace("Total", "Tital").replace("\ni,", "\nk,")))
    assert (read.num_rows, read.column_names) == (plain.num_rows, plain.column_names)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (",a\n10,5\n3,6\n2,7\n", {"column_1": [10, 3, 2], "a": [5, 6, 7]}),
        ("a,\n5,0\n6,1\n", {"a": [5, 6], "column_2": [0, 1]}),  # not the first column
        (",a\n1,5\n", {"column_1": [1], "a": [5]}),  # one row numbers nothing
        (",a\n0,5\n1,6\n1,7\n", {"column_1": [0, 1, 1], "a": [5, 6, 7]}),
    ],
)
def test_an_unnamed_column_with_values_is_named_by_its_position(
    tmp_path: Path, content: str, expected: dict[str, Any]
) -> None:
    source = Source(write(tmp_path, "t.csv", content))
    assert source.read().to_pydict() == expected
    position = next(number for number, name in enumerate(expected, start=1) if name.startswith("column_"))
    assert source.notes == [f"column {position} has no name and is called 'column_{position}'"]


def test_rows_above_the_header_are_refused(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", "Report 2023,,,\n,,,\na,b,c,d\n1,2,x,3\n")
    assert refusal(name) == (
        f"{name}: its first row names 1 of 4 columns; "
        "remove what is above the header, or pass --header no if there is none"
    )


WORDS = ["Total", "sum", "", "N/A ", "x,y", "semi;colon", 'quo"te', "two\nlines", "é", "total eclipse", "1", " pad "]


def random_table(chance: random.Random) -> tuple[list[str], list[list[str]]]:
    """Columns with names, and cells as text, of which no row is empty."""
    width, rows = chance.randint(2, 5), chance.randint(1, 8)
    names = [
        f"{chance.choice(['a', 'b c', 'n.', 'Total', 'Unnamed', 'é', '2019x'])}{number}" for number in range(width)
    ]
    makers: list[Callable[[int], str]] = [
        chance.choice(
            [
                lambda row: str(row),
                lambda row: str(chance.randint(-9, 99)),
                lambda row: f"{chance.uniform(-9, 9):.2f}",
                lambda row: chance.choice(WORDS),
            ]
        )
        for _ in names
    ]
    cells = [[maker(row) for maker in makers] for row in range(rows)]
    for row in cells:
        if not any(cell.strip() for cell in row):
            row[0] = "filled"
    return names, cells


def quoted(cell: str, chance: random.Random) -> str:
    needs = any(sign in cell for sign in ',;\t|"\n\r')
    return '"' + cell.replace('"', '""') + '"' if needs or chance.random() < 0.2 else cell


def test_random_files_are_read_exactly(tmp_path: Path) -> None:
    """Delimiters, line ends, marks, quotes, and words that spreadsheets use, in tables that are whole as they are."""
    chance = random.Random(11)
    kept = 0
    for number in range(EXAMPLES):
        names, cells = random_table(chance)
        delimiter, end = chance.choice(",;\t|"), chance.choice(["\n", "\r\n"])
        lines = [delimiter.join(quoted(cell, chance) for cell in row) for row in [names, *cells]]
        text = end.join(lines) + end * chance.randint(0, 2)
        encoding = chance.choice(["utf-8", "utf-8-sig", "utf-16"])
        name = write(tmp_path, "t.csv", text.encode(encoding))
        kinds = dict.fromkeys(names, "category")
        source = Source(name, reading=ReadOptions(delimiter=chance.choice([None, delimiter, delimiter])))
        read = source.read(kinds=kinds)  # type: ignore[arg-type]  # kinds of a literal type
        dropped = len(cells) - read.num_rows
        expected = cells[: len(cells) - dropped]
        missing = ("", "N/A")
        assert read.to_pydict() == {
            column: [None if row[place].strip() in missing else row[place] for row in expected]
            for place, column in enumerate(names)
        }, (number, text)
        assert dropped == sum("totals" in note for note in source.notes)
        kept += dropped == 0
    assert kept >= 0.99 * EXAMPLES
