"""Tables as people really have them, and each fault told with its place."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttrack.data import fingerprint, read_table
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def types(table: pa.Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_csv_types_are_inferred_over_the_whole_file(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(5000)) + "1.5,7\n"
    assert types(read_table(write(tmp_path, "t.csv", "a,b\n" + rows))) == {"a": "double", "b": "int64"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\ufeffa,b\n1,x\n", {"a": [1], "b": ["x"]}),
        ("a;b\n1;x,y\n", {"a": [1], "b": ["x,y"]}),
        ("a\tb\n1\tx\n", {"a": [1], "b": ["x"]}),
        ("a|b\n1|x\n", {"a": [1], "b": ["x"]}),
        ("a;b\n1,5;x\n-2;y\n", {"a": [1.5, -2.0], "b": ["x", "y"]}),
        ('a,b\n1,"two\nlines, ""quoted"""\n', {"a": [1], "b": ['two\nlines, "quoted"']}),
        ('"",0,"class"\n1,2,3\n', {"": [1], "0": [2], "class": [3]}),
        ("a,b\r\n1,NA\r\n,x\r\n", {"a": [1, None], "b": [None, "x"]}),
        ("a\ntrue\nfalse\n", {"a": [True, False]}),
        ("a\n2013-01-01\n2013-01-02\n", {"a": [datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, tzinfo=UTC)]}),
        ("a\n2013-01-01 05:00:00\n", {"a": [datetime(2013, 1, 1, 5, tzinfo=UTC)]}),
        ("a\n2013-01-01T05:00:00+02:00\n", {"a": [datetime(2013, 1, 1, 3, tzinfo=UTC)]}),
    ],
)
def test_csv_as_people_have_it(tmp_path: Path, content: str, expected: dict[str, Any]) -> None:
    assert read_table(write(tmp_path, "t.csv", content)).to_pydict() == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "has no rows, only a header"),
        ("a,b,a\n1,2,3\n", "has the column 'a' twice; rename one"),
        ("a,b\n1,2\n1,2,3\n", "row 2 has 3 cells, the header has 2"),
        (b"a,b\n1,x\n2,\xe9\n", "line 3 is not UTF-8 text; convert the file: iconv -f latin1"),
        (b"a,b\n1,\0\n", "holds NUL bytes"),
    ],
)
def test_a_csv_that_is_no_table_is_told_with_its_place(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path, "t.csv", content))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_in_a_column_of_numbers_is_refused_with_its_row(tmp_path: Path) -> None:
    rows = "".join(f"{i},1\n" for i in range(16)) + "late,1\n" + "".join(f"{i},1\n" for i in range(20))
    name = write(tmp_path, "flights.csv", "dep_delay,y\n" + rows)
    with pytest.raises(DataError) as caught:
        read_table(name)
    assert str(caught.value) == (
        f'{name} row 17: dep_delay is "late", expected a number; '
        "fix the cell, pass --null late, or --kind dep_delay=category to keep it as text"
    )
    assert read_table(name, nulls=["late"]).column("dep_delay").null_count == 1
    assert types(read_table(name, kinds={"dep_delay": "category"}))["dep_delay"] == "string"


def test_a_kind_overrides_what_the_file_looks_like(tmp_path: Path) -> None:
    name = write(tmp_path, "t.csv", "zip,n,flag,day\n012,1,1,2013-01-01\n034,2,0,2014-01-01\n")
    assert read_table(name, kinds={"zip": "category"}).column("zip").to_pylist() == ["012", "034"]
    read = read_table(name, kinds={"n": "number", "flag": "boolean", "day": "category"})
    assert types(read) == {"zip": "int64", "n": "double", "flag": "bool", "day": "string"}
    with pytest.raises(DataError, match="no column 'zap' to set a kind for; did you mean zip"):
        read_table(name, kinds={"zap": "category"})


@pytest.mark.parametrize(
    ("kind", "cells", "message"),
    [
        ("number", "1\nmany\n", 'row 2: a is "many", expected a number'),
        ("integer", "1\n1.5\n", 'row 2: a is "1.5", expected a whole number'),
        ("boolean", "true\nperhaps\n", 'row 2: a is "perhaps", expected true or false'),
        ("datetime", "2013-01-01\nsoon\n", 'row 2: a is "soon", expected an ISO 8601 date and time'),
        ("number", "1\n" + "x" * 99 + "\n", 'row 2: a is "' + "x" * 39 + "…"),
    ],
)
def test_a_cell_that_is_not_of_its_kind_is_named(tmp_path: Path, kind: Any, cells: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path, "t.csv", "a\n" + cells), kinds={"a": kind})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda content: pa.compress(content, "zstd", asbytes=True)),
    ],
)
def test_compressed_files_are_read_and_cut_ones_are_told(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(2000))
    packed = pack(content)
    plain = read_table(write(tmp_path, "t.csv", content))
    read = read_table(write(tmp_path, f"t.csv{ending}", packed))
    assert read.equals(plain)
    assert fingerprint(read, "x").content_sha256 == fingerprint(plain, "x").content_sha256
    with pytest.raises(DataError, match="may have been cut short"):
        read_table(write(tmp_path, f"cut.csv{ending}", packed[: len(packed) // 2]))


def test_parquet_types_are_brought_to_a_few_plain_ones(tmp_path: Path) -> None:
    table = pa.table(
        {
            "decimal": pa.array([Decimal("1.50"), None]),
            "small": pa.array([1, None], pa.int8()),
            "huge": pa.array([2**64 - 1, 1], pa.uint64()),
            "half": pa.array([1.5, None], pa.float32()),
            "words": pa.array(["a", "b"]).dictionary_encode(),
            "long": pa.array(["a", None], pa.large_string()),
            "day": pa.array([date(2013, 1, 1), None]),
            "local": pa.array([datetime(2013, 1, 1, 5), None], pa.timestamp("ns")),
            "clock": pa.array([time(5, 30), None]),
            "nothing": pa.nulls(2),
            "nested": pa.array([[1], [2]]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert types(read_table(tmp_path / "t.parquet")) == {
        "decimal": "double",
        "small": "int64",
        "huge": "double",
        "half": "double",
        "words": "string",
        "long": "string",
        "day": "timestamp[us, tz=UTC]",
        "local": "timestamp[us, tz=UTC]",
        "clock": "string",
        "nothing": "null",
        "nested": "list<element: int64>",
    }
    with pytest.raises(DataError, match="is no Parquet file"):
        read_table(write(tmp_path, "broken.parquet", b"PAR1 no"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": \n', "line 2 is not valid JSON"),
        ('{"a": 1}\n[1]\n', "line 2 is no JSON object"),
        ('{"a": 1}\n{"a": "x"}\n', "row 2: a is string, before it was number"),
    ],
)
def test_json_lines_are_read_and_their_faults_named(tmp_path: Path, content: str, message: str) -> None:
    good = read_table(write(tmp_path, "good.jsonl", '{"a": 1, "b": null}\n{"a": 2.5, "b": "x"}\n{"b": "y"}\n'))
    assert good.to_pydict() == {"a": [1.0, 2.5, None], "b": [None, "x", "y"]}
    assert read_table(write(tmp_path, "t.json", '[{"a": 1}, {"a": 2}]')).to_pydict() == {"a": [1, 2]}
    with pytest.raises(DataError, match=message):
        read_table(write(tmp_path, "bad.jsonl", content))


def test_a_folder_and_a_pattern_are_one_table(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n1,u\n")
    write(tmp_path, "b.csv", "x,y\n2.5,v\n")
    assert read_table(tmp_path).to_pydict() == {"x": [1.0, 2.5], "y": ["u", "v"]}
    assert read_table(f"{tmp_path}/*.csv").num_rows == 2
    write(tmp_path, "c.csv", "x,y\nw,w\n")
    with pytest.raises(DataError, match=r"'x' is int64 in .*a.csv but string in .*c.csv; make them agree"):
        read_table(f"{tmp_path}/[ac].csv")
    write(tmp_path, "d.csv", "x,z\n1,w\n")
    with pytest.raises(DataError, match="differ in the columns 'y', 'z'"):
        read_table(f"{tmp_path}/[ad].csv")


def test_what_is_not_there_or_not_a_table_is_told(tmp_path: Path) -> None:
    write(tmp_path, "flights.csv", "a\n1\n")
    with pytest.raises(DataError, match=r"flihgts.csv does not exist; did you mean flights.csv\?"):
        read_table(tmp_path / "flihgts.csv")
    with pytest.raises(DataError, match=r"the ending says no format that can be read; use .csv"):
        read_table(write(tmp_path, "t.xlsx", "x"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is a folder without tables"):
        read_table(tmp_path / "empty")
    with pytest.raises(DataError, match="no file matches"):
        read_table(f"{tmp_path}/none*.csv")


CELLS = {
    "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.none() | st.integers(-(2**53), 2**53),
    "text": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=8),
    "boolean": st.none() | st.booleans(),
}
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data(), names=st.lists(NAMES, min_size=1, max_size=4, unique=True), rows=st.integers(1, 12))
def test_every_format_gives_back_the_table(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, names: list[str], rows: int
) -> None:
    folder = tmp_path_factory.mktemp("round")
    arrow = {"number": pa.float64(), "integer": pa.int64(), "text": pa.string(), "boolean": pa.bool_()}
    columns = {}
    for name in names:
        kind = data.draw(st.sampled_from(sorted(CELLS)))
        columns[name] = pa.array(data.draw(st.lists(CELLS[kind], min_size=rows, max_size=rows)), arrow[kind])
    table = pa.table(columns)
    pq.write_table(table, folder / "t.parquet")
    read = read_table(folder / "t.parquet")
    assert read.to_pydict() == table.to_pydict()
    assert fingerprint(read, "a").content_sha256 == fingerprint(table.slice(0), "b").content_sha256
    lines = "\n".join(json.dumps(row) for row in table.to_pylist())
    again = read_table(write(folder, "t.jsonl", lines))
    for name in names:
        cells = again.column(name).to_pylist()
        assert all(
            a == b or (a is not None and math.isclose(a, b))
            for a, b in zip(cells, table[name].to_pylist(), strict=True)
        )


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    words=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).map(lambda word: "w" + word),
        min_size=1,
        max_size=20,
    )
)
def test_csv_gives_back_any_text(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    pcsv.write_csv(pa.table({"a": words, "n": list(range(len(words)))}), path)
    assert read_table(path).to_pydict() == {"a": words, "n": list(range(len(words)))}


def test_a_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    table = pa.table({"a": [1, None, 3], "b": ["x", None, "zz"], "c": [True, None, False]})
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    same = fingerprint(table, "s")
    assert fingerprint(chunked, "s") == same
    assert same.rows == 3
    assert same.columns == {"a": "int64", "b": "string", "c": "bool"}
    for column, cells in (
        ("a", [1, 0, 3]),
        ("b", ["x", "", "zz"]),
        ("b", ["xz", None, "z"]),
        ("c", [True, False, False]),
    ):
        other = table.set_column(table.column_names.index(column), column, pa.array(cells))
        assert fingerprint(other, "s").content_sha256 != same.content_sha256
