"""Any table comes back from any format, and no bytes raise anything but a DataError of one line."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fasttrack.data import fingerprint, read_table
from fasttrack.errors import DataError
from fasttrack.reading import ReadOptions
from tests.budget import budget
from tests.data.files import write

if TYPE_CHECKING:
    import pytest

    from fasttrack.contract import Kind

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
NAMES = st.text(LETTERS, max_size=6).filter(lambda name: name.strip() and not name.startswith("\ufeff"))
MISSING = set(pcsv.ConvertOptions().null_values)
CELLS: dict[Kind, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "number": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "integer": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "boolean": (pa.bool_(), st.booleans()),
    "category": (pa.string(), st.text(LETTERS, max_size=8).filter(lambda cell: cell not in MISSING)),
    "datetime": (pa.timestamp("us", "UTC"), st.datetimes()),
}
thorough = settings(max_examples=budget(100), deadline=None, derandomize=True, database=None)


@st.composite
def tables(draw: st.DrawFn) -> tuple[pa.Table, dict[str, Kind]]:
    """A table with odd names and cells and holes, and the kinds of its columns."""
    rows = draw(st.integers(1, 8))
    kinds = draw(st.dictionaries(NAMES, st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    columns = {}
    for name, kind in kinds.items():
        arrow, cells = CELLS[kind]
        columns[name] = pa.array(draw(st.lists(st.none() | cells, min_size=rows, max_size=rows)), arrow)
    return pa.table(columns), kinds


def written(cell: object) -> object:
    return cell.replace(tzinfo=None).isoformat() if isinstance(cell, datetime) else cell


@thorough
@given(drawn=tables())
def test_parquet_gives_back_the_table(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[pa.Table, dict[str, Kind]]
) -> None:
    table, _ = drawn
    path = tmp_path_factory.mktemp("round") / "t.parquet"
    pq.write_table(table, path)
    read = read_table(path)
    assert read.equals(table)
    assert fingerprint(read, "s") == fingerprint(table, "s")


@thorough
@given(drawn=tables())
def test_json_lines_give_back_the_table(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[pa.Table, dict[str, Kind]]
) -> None:
    table, kinds = drawn
    lines = [json.dumps({name: written(cell) for name, cell in row.items()}) for row in table.to_pylist()]
    name = write(tmp_path_factory.mktemp("round"), "t.jsonl", "\n".join(lines))
    assert read_table(name, kinds=kinds).equals(table)
    plain = [column for column, kind in kinds.items() if kind in ("number", "boolean")]
    assert read_table(name).select(plain).to_pydict() == table.select(plain).to_pydict()


@thorough
@given(drawn=tables(), delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
def test_csv_gives_back_the_table(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[pa.Table, dict[str, Kind]],
    delimiter: str,
    end: str,
    mark: bool,
) -> None:
    table, kinds = drawn
    if table.num_columns > 1:  # a row of empty cells only is no row
        filled = [
            any(str(written(cell)).strip() for cell in row.values() if cell is not None) for row in table.to_pylist()
        ]
        table = table.filter(pa.array(filled))
    assume(table.num_rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(table.column_names)
    writer.writerows([written(cell) for cell in row.values()] for row in table.to_pylist())
    name = write(tmp_path_factory.mktemp("round"), "t.csv", "\ufeff" * mark + text.getvalue())
    header = ReadOptions(header="yes")
    assert read_table(name, kinds=kinds, reading=header).equals(table)
    plain = [column for column, kind in kinds.items() if kind != "category"]
    others: dict[str, Kind] = {column: "category" for column, kind in kinds.items() if kind == "category"}
    assert read_table(name, kinds=others, reading=header).select(plain).to_pydict() == table.select(plain).to_pydict()


ENDINGS = st.sampled_from(
    [
        ".csv",
        ".parquet",
        ".jsonl",
        ".json",
        ".csv.gz",
        ".csv.bz2",
        ".jsonl.zst",
        ".txt.xz",
        ".data",
        ".feather",
        ".zip",
        ".xlsx",
    ]
)
CRUMBS = st.lists(
    st.sampled_from(
        [
            *'ab01,;\t|\n\r".- :T+Z{}[]ü\0\ufeff',
            '{"a": ',
            "2013-01-01",
            "NA",
            "true",
            "1e999",
            "\u2028",
            "a,b\n",
            "\n1,2",
        ]
    ),
    max_size=60,
)


@settings(thorough, max_examples=budget(400))
@given(content=CRUMBS.map(lambda crumbs: "".join(crumbs).encode()) | st.binary(max_size=99), ending=ENDINGS)
def test_any_bytes_are_a_table_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    name = write(tmp_path_factory.mktemp("any"), f"t{ending}", content)
    try:
        read = read_table(name)
    except DataError as error:
        assert str(error).startswith(name)  # a table is as good an end
        assert len(str(error).splitlines()) == 1
    else:
        assert read.num_rows > 0
        assert fingerprint(read, name).rows == read.num_rows
