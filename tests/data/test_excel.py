"""Workbooks of Excel: a sheet is a table with the types of its cells, and each error is one line."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.data import Source, read_table
from fasttrack.errors import DataError
from fasttrack.reading import ReadOptions
from tests.data.books import workbook
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[list[Any]] = [
    ["n", "f", "b", "day", "at", "word", "mixed", "code", "share", "long"],
    [1, 1.5, True, date(2020, 1, 31), time(7, 30), "x", 1, "01234", "=1/0", timedelta(hours=30)],
    [2, 2, False, datetime(2020, 1, 1, 5, 30), time(8), " ", "zz", "99999", 0.25, timedelta(hours=6)],
    [None, 3, True, None, None, "é", 2.5, "00001", 0.5, None],
]
TABLE = {
    "n": [1, 2, None],
    "f": [1.5, 2.0, 3.0],
    "b": [True, False, True],
    "day": [datetime(2020, 1, 31, tzinfo=UTC), datetime(2020, 1, 1, 5, 30, tzinfo=UTC), None],
    "at": ["07:30:00", "08:00:00", None],
    "word": ["x", " ", "é"],
    "mixed": ["1", "zz", "2.5"],
    "code": ["01234", "99999", "00001"],
    "share": [None, 0.25, 0.5],
    "long": [1.25, 0.25, None],
}


def saved(folder: Path, rows: list[list[Any]]) -> str:
    return write(folder, "t.xlsx", workbook(sheets={"S": rows}))


@pytest.mark.parametrize("above", [0, 2])
def test_cells_keep_their_types(tmp_path: Path, above: int) -> None:
    source = Source(saved(tmp_path, [[]] * above + [[None, *row] for row in ROWS]))
    assert source.names == list(TABLE)
    read = source.read()
    assert read.to_pydict() == TABLE
    assert types(read)["day"] == "timestamp[us, tz=UTC]"
    assert source.notes == []
    assert source.read(columns=["code", "f"]).to_pydict() == {"code": TABLE["code"], "f": TABLE["f"]}
    as_text = source.read(kinds={"n": "category", "mixed": "category", "f": "number"})
    assert as_text.column("n").to_pylist() == ["1", "2", None]
    assert as_text.column("f").to_pylist() == TABLE["f"]


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    book = workbook(sheets={"Data": [["a"], [1]], "Old": [["a"], [2]], "Empty": []}, chart="Chart")
    name = write(tmp_path, "t.xlsx", book)
    source = Source(name)
    assert source.read().to_pydict() == {"a": [1]}
    assert source.notes == ["the sheet 'Data' is read; the workbook has 'Data', 'Old', 'Empty'; --sheet reads another"]
    other = Source(name, reading=ReadOptions(sheet="Old"))
    assert other.read().to_pydict() == {"a": [2]}
    assert other.notes == []
    messages = {
        "Odl": "t.xlsx has no sheet 'Odl'; did you mean Old?; it has 'Data', 'Old', 'Empty'",
        "Chart": "t.xlsx has no sheet 'Chart'; it has 'Data', 'Old', 'Empty'",
        "Empty": "t.xlsx, sheet 'Empty' is empty; name another sheet with --sheet",
    }
    for sheet, message in messages.items():
        assert refusal(name, reading=ReadOptions(sheet=sheet)) == f"{tmp_path}/{message}"


def test_few_texts_in_a_column_of_numbers_are_refused_as_in_other_typed_files(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["n", "when"], *([i, date(2020, 1, 1)] for i in range(30))]
    name = saved(tmp_path, [*rows, ["7", "N/A"], ["NA", None], ["late", None]])
    assert refusal(name) == (
        f'{name} row 33: n is "late", expected a number; '
        "fix the cell, pass --null late, or --kind n=category to keep it as text"
    )
    read = read_table(name, nulls=["late"])
    assert read.column("n").to_pylist() == [*range(30), 7, None, None]
    assert read.column("when").null_count == 3
    assert read_table(name, kinds={"n": "category"}).column("n").to_pylist()[-3:] == ["7", None, "late"]
    name = saved(tmp_path, [*rows, [None, "soon"]])
    assert 'row 31: when is "soon", expected a date or time; ' in refusal(name)


def test_spreadsheets_are_cleaned_as_csv_files_are(tmp_path: Path) -> None:
    source = Source(saved(tmp_path, [[None, "Price", "Area"], [0, 10, 1.5], [1, 20, 2.5], [], ["Total", 30]]))
    assert source.read().to_pydict() == {"Price": [10, 20], "Area": [1.5, 2.5]}
    assert source.notes == [
        "1 empty row left out",
        "1 row of totals at the end left out",
        "the first column has no name and numbers the rows, so it is left out",
    ]


def test_a_sheet_without_a_header_says_so(tmp_path: Path) -> None:
    name = saved(tmp_path, [[5.1, "a"], [4.9, "a"], [4.8, "b"]])
    assert refusal(name).startswith(f"{name}, sheet 'S' seems to have no header: its first row looks like the other")
    read = read_table(name, reading=ReadOptions(header="no"))
    assert read.to_pydict() == {"column_1": [5.1, 4.9, 4.8], "column_2": ["a", "a", "b"]}
    years = read_table(saved(tmp_path, [["c", 2019, 2020], ["x", 1, 2], ["y", 3, 4]]))
    assert years.column_names == ["c", "2019", "2020"]


def test_what_is_not_a_table_is_refused_in_one_line(tmp_path: Path) -> None:
    book = workbook(sheets={"S": ROWS})
    damaged = "is not an Excel workbook, or an incomplete one; save it again"
    old = "is encrypted, or a workbook of Excel 97; save it as .xlsx without a password"
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("a.txt", "no book")
    cases = {
        book[: len(book) // 2]: damaged,
        book[:-40]: damaged,
        b"a,b\n1,2\n": damaged,
        plain.getvalue(): damaged,
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600): old,
        b"": "is empty; check that it was written completely",
    }
    for content, message in cases.items():
        name = write(tmp_path, "t.xlsx", content)
        assert refusal(name) == f"{name} {message}"
    name = saved(tmp_path, [["a", "b"]])
    assert refusal(name) == f"{name} has no rows; check that it is the table you mean"
    name = saved(tmp_path, [["a", "a"], [1, 2]])
    assert refusal(name) == f"{name}, sheet 'S' has the column 'a' twice; rename one"


def test_a_damaged_sheet_never_raises_anything_else(tmp_path: Path) -> None:
    book = workbook(sheets={"S": ROWS})
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    sheet = entries["xl/worksheets/sheet1.xml"]
    broken = [sheet[: len(sheet) // 2], sheet.replace(b"</row>", b""), re.sub(rb'r="B1"', b'r="?"', sheet), b""]
    broken.append(re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', sheet))
    messages = []
    for content in broken:  # those that a reader can still make sense of are as good an end
        changed = io.BytesIO()
        with zipfile.ZipFile(changed, "w") as archive:
            for entry, original in entries.items():
                archive.writestr(entry, content if original is sheet else original)
        try:
            read_table(write(tmp_path, "t.xlsx", changed.getvalue()))
        except DataError as error:
            messages.append(str(error))
    assert len(messages) >= 3
    assert messages[-1] == (
        f"{tmp_path}/t.xlsx has a sheet of 1,048,576 rows and 16,384 columns; "
        "delete the empty rows and columns behind its table, or save the table as Parquet"
    )


def test_a_folder_of_workbooks_is_a_table(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path, f"s/{number}.xlsx", workbook(sheets={"S": [["a"], [number]]}))
    write(tmp_path, "s/~$0.xlsx", "what an open Excel leaves")
    assert read_table(tmp_path / "s").to_pydict() == {"a": [0, 1]}
